-- Whether a copy into this file was begun and not finished: such a record is not served.
ALTER TABLE meta ADD COLUMN filling INTEGER NOT NULL DEFAULT 0;
