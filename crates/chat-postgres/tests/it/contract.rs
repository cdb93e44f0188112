//! Every clause of the record's ports.

chat_contract::contract!(crate::fixture::fresh);
