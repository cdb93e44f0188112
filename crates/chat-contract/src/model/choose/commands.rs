//! Which commands are given: talk most of all, and now and then something that changes who may talk.

use chat_domain::{
    command::{Action, Command, Draft, MemberPatch, NewRoom, RoomPatch},
    ids::RoomId,
    objects::{Role, RoomKind},
    timestamp::Timestamp,
    words::Topic,
};

use super::Chooser;
use crate::{model::act::Operation, nonce};

impl Chooser {
    pub(super) fn batch(&mut self) -> Operation {
        let size = if self.chance(3) { self.below(6) + 1 } else { 1 };
        Operation::Commit((0..size).map(|_| self.command()).collect())
    }

    pub(super) fn command(&mut self) -> Command {
        let (mut room, mut by, at) = (self.room(), self.user(), self.now());
        let mut action = self.action();
        if self.chance(12)
            && let Some((webhook, _)) = self.any_webhook()
        {
            // Now and then astray, or as a person.
            room = if self.chance(8) { room } else { webhook.room };
            by = if self.chance(12) { by } else { webhook.bot };
            action = Action::PostAsWebhook { webhook: webhook.id, draft: self.draft() };
        }
        if matches!(action, Action::Create(_)) {
            room = RoomId(self.id());
        }
        Command { room, by, at, action }
    }

    pub(super) fn action(&mut self) -> Action {
        match self.below(100) {
            0..30 => Action::Post(self.draft()),
            30..37 => Action::Edit { seq: self.seq(), text: self.text(), if_match: self.revision() },
            37..42 => Action::Delete { seq: self.seq(), if_match: self.revision() },
            42..52 => Action::React { seq: self.seq(), emoji: self.emoji(), on: !self.chance(3) },
            52..56 => Action::Pin { seq: self.seq(), on: !self.chance(3) },
            56..62 => Action::Read(self.seq()),
            62..70 => Action::Join,
            70..77 => Action::SetMember(self.member_patch()),
            77..81 => Action::Remove(self.user()),
            81..84 => Action::Ban(self.anybody()),
            84..87 => Action::Unban(self.user()),
            87..90 => match self.any_invite() {
                Some((_, code)) => Action::Redeem(code),
                None => Action::Join,
            },
            90..94 => Action::Update(self.room_patch()),
            94..99 => Action::Create(self.new_room()),
            _ => Action::Close { if_match: None },
        }
    }

    pub(super) fn draft(&mut self) -> Draft {
        // Four nonces and six texts for everybody: most are retries, some of them with other content.
        let nonce = self.chance(2).then(|| nonce(["one", "two", "three", "four"][self.below(4)]));
        Draft { text: self.text(), nonce, reply_to: self.chance(4).then(|| self.seq()) }
    }

    pub(super) fn member_patch(&mut self) -> MemberPatch {
        let role = [Role::Member, Role::Admin, Role::Owner][self.below(3)];
        let until = Timestamp::from_millis(self.millis).plus_millis(10_000);
        MemberPatch {
            user: self.anybody(),
            role: self.chance(2).then_some(role),
            muted_until: [None, None, Some(None), Some(Some(until))][self.below(4)],
        }
    }

    pub(super) fn room_patch(&mut self) -> RoomPatch {
        let (name, topic) = (self.room_name(), Topic::parse("Чай, tea and 100% more").unwrap());
        RoomPatch {
            name: self.chance(3).then_some(Some(name)),
            topic: [None, Some(None), Some(Some(topic))][self.below(3)].clone(),
            slow_mode_s: self.chance(3).then(|| [0, 3, 99_999][self.below(3)]),
            archived: [None, None, None, Some(false), Some(false), Some(true)][self.below(6)],
            if_match: self.revision(),
        }
    }

    pub(super) fn new_room(&mut self) -> NewRoom {
        let kind = [RoomKind::Public, RoomKind::Private, RoomKind::Direct, RoomKind::Direct][self.below(4)];
        let direct = kind == RoomKind::Direct;
        let others = if direct { 1 } else { self.below(3) };
        NewRoom {
            kind,
            name: (!direct).then(|| self.room_name()),
            topic: None,
            members: (0..others).map(|_| self.anybody()).collect(),
            nonce: self.chance(2).then(|| nonce(["make", "made"][self.below(2)])),
        }
    }
}
