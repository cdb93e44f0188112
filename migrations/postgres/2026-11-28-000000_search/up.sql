-- What the search knows of each message that is not deleted. Whatever the language of the database is, it sees only what the
-- program has taken apart: words as they are compared, and the text spelled in letters and digits of ASCII, of which pg_trgm makes
-- the same trigrams in every locale.
--
-- The indexes are made when the record is opened: which one, depends on whether there is pg_trgm.

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

CREATE TABLE search (
    -- The order in which messages were taken up. It may have holes, and is the order of numbers within a room, because the room is
    -- locked from the first to the commit.
    place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room UUID NOT NULL,
    seq BIGINT NOT NULL,
    words TSVECTOR NOT NULL,                -- also one for the room
    parts TEXT COLLATE "C" NOT NULL,
    CONSTRAINT search_message UNIQUE (room, seq)
);

-- Whether every message that is not deleted has its row. Where that is not so, the next start makes up for it: after this
-- migration, in a copy that is under way, or when somebody says so here.
CREATE TABLE searching (
    singleton BOOLEAN PRIMARY KEY CHECK (singleton),
    filled BOOLEAN NOT NULL
);

INSERT INTO searching (singleton, filled) VALUES (TRUE, FALSE);
