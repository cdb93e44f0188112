-- Webhooks: ways for programs into a room, each with a bot among the users. Secrets are SHA-256.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

CREATE TABLE webhooks (
    id UUID PRIMARY KEY,
    room UUID NOT NULL,
    name TEXT NOT NULL,
    bot UUID NOT NULL,
    by UUID NOT NULL,
    secret BYTEA NOT NULL CHECK (length(secret) = 32),
    created_at BIGINT NOT NULL,
    CONSTRAINT webhooks_into_room FOREIGN KEY (room) REFERENCES rooms (id),
    CONSTRAINT webhooks_post_as_user FOREIGN KEY (bot) REFERENCES users (id),
    CONSTRAINT webhooks_by_user FOREIGN KEY (by) REFERENCES users (id)
);

CREATE INDEX webhooks_room ON webhooks (room, id);
