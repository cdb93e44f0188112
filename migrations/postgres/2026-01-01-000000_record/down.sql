SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

DROP TABLE invites;
DROP TABLE reactions;
DROP TABLE mentions;
DROP TABLE messages;
DROP TABLE members;
DROP TABLE rooms;
DROP TABLE spent_tokens;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE meta;
