//! What the rules want to know of a room before they decide one command.

use chat_domain::{
    command::{Command, Fingerprint},
    ids::RoomId,
    objects::Room,
    rules::{Existing, Needs, Posted, RoomFacts},
};

use crate::state::{RoomLog, State};

impl State {
    /// Everything that this command needs, as it is now. A batch is loaded command by command here, so each sees what
    /// those before it did without further ado.
    pub(crate) fn facts(&self, command: &Command) -> RoomFacts {
        let mut needs = Needs::default();
        needs.add(command);
        let log = self.rooms.get(&command.room);
        let mut facts = RoomFacts::bare(self.log_of(log));
        facts.users = needs.users.iter().copied().filter(|user| self.is_person(*user)).collect();
        facts.existing = needs.existing.as_ref().and_then(|existing| self.made_before(existing));
        if let Some(log) = log {
            facts.room = Some(log.room.clone());
            self.load_people(log, &needs, &mut facts);
            load_log(log, &needs, &mut facts);
        }
        facts
    }

    fn load_people(&self, log: &RoomLog, needs: &Needs, facts: &mut RoomFacts) {
        for name in &needs.names {
            if let Some(user) = self.usernames.get(name).filter(|user| self.living(**user).is_some()) {
                facts.names.insert(name.clone(), *user);
            }
        }
        let present = needs.all_members.then(|| log.present()).into_iter().flatten().map(|member| member.user);
        let named = facts.names.values().copied();
        for user in needs.members.iter().copied().chain(present).chain(named).collect::<Vec<_>>() {
            if let Some(member) = log.members.get(&user) {
                facts.members.insert(user, member.clone());
            }
        }
    }

    fn made_before(&self, existing: &Existing) -> Option<(Room, Option<Fingerprint>)> {
        let by_nonce = |key| self.made.get(key).map(|(room, made_of)| (*room, Some(*made_of)));
        let found: Option<(RoomId, Option<Fingerprint>)> = match existing {
            Existing::Nonce(user, nonce) => by_nonce(&(*user, nonce.clone())),
            Existing::Pair(pair, nonce) => {
                nonce.as_ref().and_then(by_nonce).or_else(|| self.pairs.get(pair).map(|room| (*room, None)))
            }
        };
        let (room, made_of) = found?;
        self.rooms.get(&room).map(|log| (log.room.clone(), made_of))
    }
}

fn load_log(log: &RoomLog, needs: &Needs, facts: &mut RoomFacts) {
    facts.nonces = needs.nonces.iter().filter_map(|key| Some((key.clone(), *log.nonces.get(key)?))).collect();
    let replayed = facts.nonces.values().map(|posted: &Posted| posted.seq);
    let messages = needs.messages.iter().copied().chain(replayed);
    facts.messages = messages.filter_map(|seq| Some((seq, log.messages.get(&seq)?.clone()))).collect();
    facts.reactions = needs.reactions.iter().filter(|key| log.reactions.contains(key)).cloned().collect();
    let wanted = log.invites.values().filter(|(_, code)| needs.invites.contains(code));
    let bots = log.webhooks.iter().filter(|(id, _)| needs.webhooks.contains(id));
    facts.webhooks = bots.map(|(id, (webhook, _))| (*id, webhook.bot)).collect();
    facts.invites = wanted.map(|(invite, code)| (*code, invite.clone())).collect();
}
