//! What keys and channels are called: `prefix:{thing}:what`.
//!
//! The part in braces is what Redis Cluster hashes (cluster specification, "hash tags"): everything of one room lives on one
//! node of a cluster, and rooms spread over all. Pub/sub ignores the number of the database, so only the prefix keeps two
//! deployments apart.

use chat_domain::{
    ids::{RoomId, UserId},
    objects::Epoch,
    ports::Topic,
};

/// The longest prefix, in bytes.
const MAX_PREFIX: usize = 64;

/// Makes the names of one deployment.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    /// `None` when the prefix is not of letters, digits, `.`, `_`, `-`, `:`; a brace would move the hash tag.
    pub(crate) fn under(prefix: &str) -> Option<Self> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        let valid = (1..=MAX_PREFIX).contains(&prefix.len()) && prefix.bytes().all(fine);
        valid.then(|| Self { prefix: prefix.to_owned() })
    }

    /// Where notes about a topic are published.
    pub(crate) fn channel(&self, topic: Topic) -> String {
        match topic {
            Topic::Room(room) => format!("{}:{{room:{room}}}", self.prefix),
            Topic::User(user) => format!("{}:{{user:{user}}}", self.prefix),
        }
    }

    /// The topic of a channel; `None` of any other channel.
    pub(crate) fn topic(&self, channel: &[u8]) -> Option<Topic> {
        let tag = channel.strip_prefix(self.prefix.as_bytes())?.strip_prefix(b":{")?.strip_suffix(b"}")?;
        let (kind, id) = std::str::from_utf8(tag).ok()?.split_once(':')?;
        match kind {
            "room" => RoomId::parse(id).map(Topic::Room),
            "user" => UserId::parse(id).map(Topic::User),
            _ => None,
        }
    }

    /// What every node hears always.
    pub(crate) fn everybody(&self) -> String {
        format!("{}:{{all}}", self.prefix)
    }

    /// What one node alone hears.
    pub(crate) fn node(&self, node: u64) -> String {
        format!("{}:{{node:{node:016x}}}", self.prefix)
    }

    /// The recent events of a room in one history.
    pub(crate) fn tail(&self, room: RoomId, epoch: &Epoch) -> String {
        format!("{}:{{room:{room}}}:tail:{epoch}", self.prefix)
    }

    /// What all nodes together count under a name.
    pub(crate) fn rate(&self, name: &[u8]) -> String {
        let mut key = format!("{}:{{rate:", self.prefix);
        name.iter().for_each(|byte| key.push_str(&format!("{byte:02x}")));
        key.push('}');
        key
    }

    /// The leases of a user.
    pub(crate) fn presence(&self, user: UserId) -> String {
        format!("{}:{{user:{user}}}:presence", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_channel_names_its_topic() {
        let names = Names::under("chat").unwrap();
        for topic in [Topic::Room(RoomId(Uuid::from_u128(7))), Topic::User(UserId(Uuid::from_u128(8)))] {
            assert_eq!(names.topic(names.channel(topic).as_bytes()), Some(topic));
            assert_eq!(Names::under("chat2").unwrap().topic(names.channel(topic).as_bytes()), None);
        }
        for other in [names.everybody(), names.node(7), "chat:{room:}".into(), "chat:{room:x}".into(), String::new()] {
            assert_eq!(names.topic(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_prefix_cannot_move_the_hash_tag() {
        for bad in ["", "a{b", "a}b", "a b", "ж", &"x".repeat(65)] {
            assert!(Names::under(bad).is_none(), "{bad}");
        }
        assert!(Names::under("shop-1:chat_v2.x").is_some());
    }
}
