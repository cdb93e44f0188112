-- What the search knows of each message that is not deleted. Whatever the language of the database is, it sees only what the
-- program has taken apart: words as they are compared, and the text spelled in letters and digits of ASCII, of which pg_trgm makes
-- the same trigrams in every locale.
--
-- The indexes are made when the record is opened: which one, depends on whether there is pg_trgm.

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

CREATE TABLE search (
    -- The order in which messages were taken up. It has holes, and is the order of numbers within a room, because the room is
    -- locked from the first to the commit.
    place BIGINT PRIMARY KEY,
    room UUID NOT NULL,
    seq BIGINT NOT NULL,
    words TSVECTOR NOT NULL,                -- also one for the room
    parts TEXT COLLATE "C" NOT NULL,
    CONSTRAINT search_message UNIQUE (room, seq)
);

-- What a commit leaves here, because the row above is too dear for it: the messages among these numbers of a room, of which the
-- first has this place and each other one that which lies as far behind it; so a run has 1024 places. An indexer moves them.
-- Nothing but the place is unique here, so no commit waits for it.
CREATE TABLE search_waiting (
    place BIGINT GENERATED ALWAYS AS IDENTITY (INCREMENT BY 1024 CACHE 1) PRIMARY KEY,
    room UUID NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    CONSTRAINT search_waiting_run CHECK (last_seq >= first_seq AND last_seq - first_seq < 1024)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Messages that were edited or deleted, perhaps after they had their row above.
CREATE TABLE search_edited (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room UUID NOT NULL,
    seq BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Whether every message that is not deleted has its row or waits for it. Where that is not so, the next start makes up for it:
-- after this migration, in a copy that is under way, or when somebody says so here.
CREATE TABLE searching (
    singleton BOOLEAN PRIMARY KEY CHECK (singleton),
    filled BOOLEAN NOT NULL
);

INSERT INTO searching (singleton, filled) VALUES (TRUE, FALSE);
