-- Where this record lives, and who wrote this row: by them the program notices that the record was restored from a backup, or that
-- the server is another one than before, and begins another history (chat-postgres/src/home.rs).
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

-- A program that does not know this migration must not touch the record. Migrations that only add leave it alone, so that nodes of the
-- version before can be started beside new ones, and a rollout can be undone; one that takes something away sets it to itself.
ALTER TABLE meta ADD COLUMN readable_since TEXT NOT NULL DEFAULT '20261128000200';

-- Never rewrite this table in a migration: its row would look restored.
CREATE TABLE home (
    singleton BOOLEAN PRIMARY KEY CHECK (singleton),
    system TEXT,                            -- the server's identifier; NULL where it may not be asked
    database TEXT NOT NULL,                 -- the number of the database on it
    timeline TEXT,                          -- of its write-ahead log; NULL where it may not be asked
    written TEXT NOT NULL                   -- the transaction that wrote this row; a row out of a dump was written by another
);
