-- Whether this file is a backup that nobody has opened as a record yet: whoever does begins another history.
ALTER TABLE meta ADD COLUMN backup INTEGER NOT NULL DEFAULT 0;
