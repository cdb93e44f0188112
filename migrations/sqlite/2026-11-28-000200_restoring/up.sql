-- Whether this file is a backup that nobody has opened as a record yet: whoever does begins another history.
ALTER TABLE meta ADD COLUMN backup INTEGER NOT NULL DEFAULT 0;
-- A program that does not know this migration must not touch the record: one of before would not heed the mark. Migrations that only
-- add leave it alone, so that an upgrade can be undone; one that takes something away sets it to itself.
ALTER TABLE meta ADD COLUMN readable_since TEXT NOT NULL DEFAULT '20261128000200';
