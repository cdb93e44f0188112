//! The words and the rules of the chat: pure types, ports, use cases
