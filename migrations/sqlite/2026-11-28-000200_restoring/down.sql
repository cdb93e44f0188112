ALTER TABLE meta DROP COLUMN readable_since;
ALTER TABLE meta DROP COLUMN backup;
