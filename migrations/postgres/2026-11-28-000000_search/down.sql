SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

DROP TABLE searching;
DROP TABLE search_edited;
DROP TABLE search_waiting;
DROP TABLE search;
