-- The record on PostgreSQL. Times are milliseconds since 1970 UTC, secrets are SHA-256. What is ordered or searched as text
-- is compared by its bytes (COLLATE "C"), whatever the database's language is.
-- No sequence (it leaves holes and commits out of order) and no NOTIFY (it takes a lock of the whole database at commit).

-- Whoever waits for a lock on a table stops everybody who comes after: give up soon instead, and let the start be repeated.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

CREATE TABLE meta (
    singleton BOOLEAN PRIMARY KEY CHECK (singleton),
    epoch TEXT NOT NULL,
    filling BOOLEAN NOT NULL DEFAULT FALSE  -- a copy into this database was begun and not finished: it is not served
);

-- A hint moves me_seq and nothing that an index knows: free room in the page keeps that an update in place.
CREATE TABLE users (
    id UUID PRIMARY KEY,
    username TEXT COLLATE "C",              -- NULL once deleted
    reserved TEXT COLLATE "C",              -- the same name, kept for ever, so that it is never given out again
    display_name TEXT,                      -- NULL once deleted
    words TEXT COLLATE "C",                 -- the display name in lower case, a space before each word
    password_hash TEXT,                     -- NULL for bots and deleted users
    bot BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL,
    me_seq BIGINT NOT NULL DEFAULT 0,       -- the number of the newest hint
    CONSTRAINT users_reserved UNIQUE (reserved)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX users_username ON users (username) WHERE username IS NOT NULL;

CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    device TEXT,
    created_at BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    current BYTEA NOT NULL CHECK (length(current) = 32),
    previous BYTEA CHECK (length(previous) = 32),
    CONSTRAINT sessions_of_user FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE UNIQUE INDEX sessions_current ON sessions (current);
CREATE UNIQUE INDEX sessions_previous ON sessions (previous) WHERE previous IS NOT NULL;
CREATE INDEX sessions_user ON sessions (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE spent_tokens (
    digest BYTEA PRIMARY KEY CHECK (length(digest) = 32),
    session UUID NOT NULL,
    CONSTRAINT spent_tokens_of_session FOREIGN KEY (session) REFERENCES sessions (id)
);

CREATE INDEX spent_tokens_session ON spent_tokens (session);

-- Every batch moves the head of its rooms, in place as long as their page has room.
CREATE TABLE rooms (
    id UUID PRIMARY KEY,
    rev BIGINT NOT NULL,
    kind BIGINT NOT NULL,                   -- 0 public, 1 private, 2 direct
    name TEXT,
    name_folded TEXT COLLATE "C",           -- in lower case
    topic TEXT,
    topic_folded TEXT COLLATE "C",
    slow_mode_s BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    pins BIGINT[] NOT NULL,
    archived BOOLEAN NOT NULL,
    head BIGINT NOT NULL,
    floor BIGINT NOT NULL DEFAULT 0,
    deleted_at BIGINT,
    pair_a UUID,                            -- the two of a direct room, in order; NULL once deleted
    pair_b UUID,
    creator UUID,                           -- who made it under what nonce, of what; NULL once deleted
    nonce TEXT COLLATE "C",
    fingerprint BYTEA
) WITH (fillfactor = 50);

CREATE UNIQUE INDEX rooms_pair ON rooms (pair_a, pair_b) WHERE pair_a IS NOT NULL;
CREATE UNIQUE INDEX rooms_nonce ON rooms (creator, nonce) WHERE nonce IS NOT NULL;
CREATE INDEX rooms_directory ON rooms (id) WHERE kind = 0 AND NOT archived AND deleted_at IS NULL;

-- A read marker moves in place too.
CREATE TABLE members (
    room UUID NOT NULL,
    user_id UUID NOT NULL,
    rev BIGINT NOT NULL,
    role BIGINT NOT NULL,                   -- 0 member, 1 admin, 2 owner
    is_in BOOLEAN NOT NULL,
    muted_until BIGINT,
    banned BOOLEAN NOT NULL,
    joined_at BIGINT,
    read_seq BIGINT NOT NULL DEFAULT 0,
    posted_at BIGINT,                       -- the latest post while slow mode was on
    PRIMARY KEY (room, user_id),
    CONSTRAINT members_of_room FOREIGN KEY (room) REFERENCES rooms (id),
    CONSTRAINT members_of_user FOREIGN KEY (user_id) REFERENCES users (id)
) WITH (fillfactor = 80);

CREATE INDEX members_rev ON members (room, rev);
CREATE INDEX members_user ON members (user_id, room);
CREATE INDEX members_banned ON members (room, user_id) WHERE banned;

-- Many millions of rows: what is the same for nearly all of them is NULL, and a plain send writes into two indexes. Rows of
-- rooms and users are never removed, so nothing could dangle; a foreign key would lock its author's row for every message.
CREATE TABLE messages (
    room UUID NOT NULL,
    author UUID NOT NULL,
    seq BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    at BIGINT NOT NULL,
    reply_to BIGINT,
    edited_at BIGINT,
    mentions_room BOOLEAN NOT NULL,
    deleted BOOLEAN NOT NULL DEFAULT FALSE,
    text TEXT,
    nonce TEXT COLLATE "C",
    fingerprint BYTEA NOT NULL,
    mentions UUID[],                        -- NULL for nobody
    reactions TEXT,                         -- JSON array of {emoji, count}, in the order of first use; NULL for none
    PRIMARY KEY (room, seq)
);

-- For ever: a tombstone keeps its nonce.
CREATE UNIQUE INDEX messages_nonce ON messages (room, author, nonce) WHERE nonce IS NOT NULL;
-- A message that was never changed is found by its seq, so a plain send costs no entry here.
CREATE INDEX messages_changed ON messages (room, rev) WHERE rev <> seq;
CREATE INDEX messages_for_all ON messages (room, seq) WHERE mentions_room;

CREATE TABLE mentions (
    user_id UUID NOT NULL,
    room UUID NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (user_id, room, seq),
    CONSTRAINT mentions_in_message FOREIGN KEY (room, seq) REFERENCES messages (room, seq)
);

CREATE INDEX mentions_message ON mentions (room, seq);

CREATE TABLE reactions (
    room UUID NOT NULL,
    seq BIGINT NOT NULL,
    emoji TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    PRIMARY KEY (room, seq, emoji, user_id),
    CONSTRAINT reactions_to_message FOREIGN KEY (room, seq) REFERENCES messages (room, seq)
);

CREATE INDEX reactions_mine ON reactions (user_id, room, seq);

CREATE TABLE invites (
    id UUID PRIMARY KEY,
    room UUID NOT NULL,
    by UUID NOT NULL,
    code BYTEA NOT NULL CHECK (length(code) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    max_uses BIGINT,
    uses BIGINT NOT NULL,
    CONSTRAINT invites_code UNIQUE (code),
    CONSTRAINT invites_to_room FOREIGN KEY (room) REFERENCES rooms (id),
    CONSTRAINT invites_by_user FOREIGN KEY (by) REFERENCES users (id)
);

CREATE INDEX invites_room ON invites (room, id);
