//! The record in one SQLite file: the embedded default
