DROP TABLE searching;
DROP TABLE pieces;
DROP INDEX messages_place;
ALTER TABLE messages DROP COLUMN place;
