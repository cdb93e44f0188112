-- The record in one file. Ids are the sixteen bytes of a UUID, times are milliseconds since 1970 UTC, secrets are SHA-256.
-- Lists inside a row (pins, mentions, reactions) are JSON: they are read and written whole, with their row.
-- Where statements are hot, a partial index asks for NULL or not, never for a value: SQLite plans a statement anew at every
-- execution when it must compare a bound value with such a condition.

CREATE TABLE meta (
    only INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    epoch TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    username TEXT,                          -- NULL once deleted
    reserved TEXT UNIQUE,                   -- the same name, kept for ever, so that it is never given out again
    display_name TEXT,                      -- NULL once deleted
    words TEXT,                             -- the display name in lower case, a space before each word
    password_hash TEXT,                     -- NULL for bots and deleted users
    bot INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER,
    created_at INTEGER NOT NULL,
    me_seq INTEGER NOT NULL DEFAULT 0       -- the number of the newest hint
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_username ON users (username) WHERE username IS NOT NULL;

CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user BLOB NOT NULL REFERENCES users (id),
    device TEXT,
    created_at INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    current BLOB NOT NULL CHECK (length(current) = 32),
    previous BLOB CHECK (length(previous) = 32)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_current ON sessions (current);
CREATE UNIQUE INDEX sessions_previous ON sessions (previous) WHERE previous IS NOT NULL;
CREATE INDEX sessions_user ON sessions (user, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE spent_tokens (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    session BLOB NOT NULL REFERENCES sessions (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_tokens_session ON spent_tokens (session);

CREATE TABLE rooms (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    rev INTEGER NOT NULL,
    kind INTEGER NOT NULL,                  -- 0 public, 1 private, 2 direct
    name TEXT,
    name_folded TEXT,                       -- in lower case
    topic TEXT,
    topic_folded TEXT,
    slow_mode_s INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    pins TEXT NOT NULL,                     -- JSON array of numbers
    archived INTEGER NOT NULL,
    head INTEGER NOT NULL,
    floor INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER,
    pair_a BLOB,                            -- the two of a direct room, in order; NULL once deleted
    pair_b BLOB,
    creator BLOB,                           -- who made it under what nonce, of what; NULL once deleted
    nonce TEXT,
    fingerprint BLOB
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX rooms_pair ON rooms (pair_a, pair_b) WHERE pair_a IS NOT NULL;
CREATE UNIQUE INDEX rooms_nonce ON rooms (creator, nonce) WHERE nonce IS NOT NULL;
CREATE INDEX rooms_directory ON rooms (id) WHERE kind = 0 AND archived = 0 AND deleted_at IS NULL;

CREATE TABLE members (
    room BLOB NOT NULL REFERENCES rooms (id),
    user BLOB NOT NULL REFERENCES users (id),
    rev INTEGER NOT NULL,
    role INTEGER NOT NULL,                  -- 0 member, 1 admin, 2 owner
    is_in INTEGER NOT NULL,
    muted_until INTEGER,
    banned INTEGER NOT NULL,
    joined_at INTEGER,
    read_seq INTEGER NOT NULL DEFAULT 0,
    posted_at INTEGER,                      -- the latest post while slow mode was on
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_rev ON members (room, rev);
CREATE INDEX members_user ON members (user, room);
CREATE INDEX members_banned ON members (room, user) WHERE banned = 1;

CREATE TABLE messages (
    room BLOB NOT NULL REFERENCES rooms (id),
    seq INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    author BLOB NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    text TEXT,
    reply_to INTEGER,
    mentions TEXT NOT NULL,                 -- JSON array of user ids
    mentions_room INTEGER NOT NULL,
    reactions TEXT NOT NULL,                -- JSON array of {emoji, count}, in the order of first use
    edited_at INTEGER,
    deleted INTEGER NOT NULL,
    nonce TEXT,
    fingerprint BLOB NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

-- For ever: a tombstone keeps its nonce.
CREATE UNIQUE INDEX messages_nonce ON messages (room, author, nonce) WHERE nonce IS NOT NULL;
-- A message that was never changed is found by its seq, so a plain send costs no entry here.
CREATE INDEX messages_changed ON messages (room, rev) WHERE rev <> seq;
CREATE INDEX messages_for_all ON messages (room, seq) WHERE mentions_room = 1;

CREATE TABLE mentions (
    user BLOB NOT NULL,
    room BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user, room, seq),
    FOREIGN KEY (room, seq) REFERENCES messages (room, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX mentions_message ON mentions (room, seq);

CREATE TABLE reactions (
    room BLOB NOT NULL,
    seq INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user BLOB NOT NULL REFERENCES users (id),
    PRIMARY KEY (room, seq, emoji, user),
    FOREIGN KEY (room, seq) REFERENCES messages (room, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX reactions_mine ON reactions (user, room, seq);

CREATE TABLE invites (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    room BLOB NOT NULL REFERENCES rooms (id),
    by BLOB NOT NULL REFERENCES users (id),
    code BLOB NOT NULL UNIQUE CHECK (length(code) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses INTEGER,
    uses INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX invites_room ON invites (room, id);
