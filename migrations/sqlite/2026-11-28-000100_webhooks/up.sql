-- Webhooks: ways for programs into a room, each with a bot among the users. Secrets are SHA-256.
CREATE TABLE webhooks (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    room BLOB NOT NULL REFERENCES rooms (id),
    name TEXT NOT NULL,
    bot BLOB NOT NULL REFERENCES users (id),
    by BLOB NOT NULL REFERENCES users (id),
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_room ON webhooks (room, id);
