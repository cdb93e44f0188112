-- Where a message stands among all that can be searched: the order in which they were taken up. What was there before is ordered
-- by its time, and within a room by its number; NULL is for rows of a copy that is under way.
ALTER TABLE messages ADD COLUMN place INTEGER;

UPDATE messages SET place = numbered.place
FROM (
    SELECT room, seq, row_number() OVER (ORDER BY at, room, seq) AS place
    FROM (SELECT room, seq, max(at) OVER (PARTITION BY room ORDER BY seq) AS at FROM messages)
) AS numbered
WHERE messages.room = numbered.room AND messages.seq = numbered.seq;

CREATE UNIQUE INDEX messages_place ON messages (place) WHERE place IS NOT NULL;

-- Under each place the pieces of the message's text (its trigrams and short words) and one for its room; nothing but which
-- messages have a piece is kept, so what is found is compared with the text.
CREATE VIRTUAL TABLE pieces USING fts5 (piece, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

-- Messages up to this place are in the index; those behind it are looked at one by one, until the writer has time for them.
CREATE TABLE searching (
    only INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    upto INTEGER NOT NULL
) STRICT;

INSERT INTO searching (only, upto) VALUES (1, 0);
