//! What a client knows of one room, kept by the rules of protocol §3: one reducer for pages, batches and events.

use std::collections::BTreeMap;

use serde_json::Value;

/// A room as one client sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Replica {
    pub(crate) cursor: u64,
    pub(crate) messages: BTreeMap<u64, Value>,
    pub(crate) members: BTreeMap<String, Value>,
    pub(crate) room: Value,
}

impl Replica {
    /// Empty, at a cursor.
    pub(crate) fn at(cursor: u64) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Takes a `batch` or an `event` of the room; a hole or a repetition fails the test.
    #[track_caller]
    pub(crate) fn apply(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap() {
            "event" => {
                let seq = frame["seq"].as_u64().unwrap();
                assert_eq!(seq, self.cursor + 1, "the event after {} is {frame}", self.cursor);
                self.cursor = seq;
                assert_eq!(frame["data"]["rev"], seq, "{frame}");
                self.merge(frame["kind"].as_str().unwrap(), &frame["data"]);
            }
            "batch" => self.apply_batch(frame),
            other => panic!("{other} is no change"),
        }
    }

    /// Takes the body of a batch.
    #[track_caller]
    pub(crate) fn apply_batch(&mut self, batch: &Value) {
        let number = |name: &str| batch[name].as_u64().unwrap_or_else(|| panic!("{name} of {batch}"));
        let (from, to, head) = (number("from"), number("to"), number("head"));
        assert_eq!(from, self.cursor, "{batch}");
        assert!(from <= to && to <= head, "{batch}");
        assert_eq!(batch["more"] == true, to < head, "{batch}");
        let all = [("message", "messages"), ("member", "members")];
        for (kind, list) in all {
            for object in batch[list].as_array().unwrap_or_else(|| panic!("{list} of {batch}")) {
                let rev = object["rev"].as_u64().unwrap();
                assert!(from < rev && rev <= to, "rev {rev} outside ({from}, {to}]: {object}");
                self.merge(kind, object);
            }
        }
        if let Some(state) = batch.get("state").filter(|state| !state.is_null()) {
            let rev = state["rev"].as_u64().unwrap();
            assert!(from < rev && rev <= to, "{batch}");
            self.merge("room", state);
        }
        self.cursor = to;
    }

    /// Keeps the object with the higher `rev`. What only its asker may see is left out, so that replicas compare.
    pub(crate) fn merge(&mut self, kind: &str, object: &Value) {
        let mut object = object.clone();
        let newer = |held: Option<&Value>, object: &Value| {
            held.is_none_or(|held| held["rev"].as_u64() < object["rev"].as_u64())
        };
        match kind {
            "message" => {
                object.as_object_mut().unwrap().remove("nonce");
                for reaction in object["reactions"].as_array_mut().into_iter().flatten() {
                    reaction.as_object_mut().unwrap().remove("me");
                }
                let seq = object["seq"].as_u64().unwrap();
                if newer(self.messages.get(&seq), &object) {
                    self.messages.insert(seq, object);
                }
            }
            "member" => {
                let user = object["user"].as_str().unwrap().to_owned();
                if newer(self.members.get(&user), &object) {
                    self.members.insert(user, object);
                }
            }
            "room" => {
                if self.room.is_null() || newer(Some(&self.room), &object) {
                    self.room = object;
                }
            }
            other => panic!("unknown kind {other}"),
        }
    }

    /// The texts in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.messages.values().map(|message| message["text"].as_str().unwrap_or("-").to_owned()).collect()
    }
}
