//! Rooms: the commit, and the lists that people look at.

use async_trait::async_trait;
use chat_domain::{
    command::{Command, Outcome},
    ids::{InviteId, RoomId, UserId},
    objects::{Invite, Member, Message, Room, RoomKind},
    pages::{FirstPaint, Page, PageOf, RoomView, SyncRoom},
    ports::{Digest, RoomStore},
    refusal::{Refusal, Unavailable},
    rules::access,
    timestamp::Timestamp,
};

use crate::{
    memory::Memory,
    state::{RoomLog, State, piece},
};

/// Where unread and mention counts stop: the protocol's "99+".
const MOST_COUNTED: usize = 100;

#[async_trait]
impl RoomStore for Memory {
    async fn commit(&self, batch: Vec<Command>) -> Result<Vec<Result<Outcome, Refusal>>, Unavailable> {
        let mut state = self.lock();
        Ok(batch.iter().map(|command| state.commit(command)).collect())
    }

    async fn room(&self, reader: UserId, room: RoomId) -> Result<RoomView, Refusal> {
        let state = self.lock();
        let (log, member) = state.asked(reader, room);
        access::may_look(log.map(|l| &l.room), member)?;
        let room = log.ok_or(Refusal::NotFound)?.room.clone();
        Ok(RoomView { room, log: state.log_of(log), member: member.cloned() })
    }

    async fn rooms_of(&self, user: UserId, page: PageOf<RoomId>) -> Result<Page<Room, RoomId>, Unavailable> {
        let state = self.lock();
        Ok(piece(state.rooms_of(user).map(|log| log.room.clone()), &page, |room| room.id))
    }

    async fn directory(
        &self,
        user: UserId,
        query: &str,
        page: PageOf<RoomId>,
    ) -> Result<Page<Room, RoomId>, Unavailable> {
        let state = self.lock();
        let query = query.to_lowercase();
        let open = state.rooms.values().filter(|log| log.room.kind == RoomKind::Public && !log.room.archived);
        let seen = open.filter(|log| log.member(user).is_none_or(|member| !member.banned));
        let found = seen.filter(|log| is_about(&log.room, &query));
        Ok(piece(found.map(|log| log.room.clone()), &page, |room| room.id))
    }

    async fn members(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<UserId>,
    ) -> Result<Page<Member, UserId>, Refusal> {
        let state = self.lock();
        let log = state.read_by(reader, room)?;
        Ok(piece(log.present().cloned(), &page, |member| member.user))
    }

    async fn bans(&self, reader: UserId, room: RoomId, page: PageOf<UserId>) -> Result<Page<Member, UserId>, Refusal> {
        let state = self.lock();
        let log = state.managed_by(reader, room)?;
        let banned = log.members.values().map(|facts| &facts.member).filter(|member| member.banned);
        Ok(piece(banned.cloned(), &page, |member| member.user))
    }

    async fn invite(&self, invite: Invite, code: Digest) -> Result<(), Refusal> {
        let mut state = self.lock();
        access::may_change(&state.managed_by(invite.by, invite.room)?.room)?;
        state.codes.insert(code, (invite.room, invite.id));
        if let Some(log) = state.rooms.get_mut(&invite.room) {
            log.invites.insert(invite.id, (invite, code));
        }
        Ok(())
    }

    async fn invites(
        &self,
        reader: UserId,
        room: RoomId,
        page: PageOf<InviteId>,
    ) -> Result<Page<Invite, InviteId>, Refusal> {
        let state = self.lock();
        let log = state.managed_by(reader, room)?;
        Ok(piece(log.invites.values().map(|(invite, _)| invite.clone()), &page, |invite| invite.id))
    }

    async fn withdraw(&self, reader: UserId, room: RoomId, invite: InviteId) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.managed_by(reader, room)?;
        let taken = state.rooms.get_mut(&room).and_then(|log| log.invites.remove(&invite));
        let (_, code) = taken.ok_or(Refusal::NotFound)?;
        state.codes.remove(&code);
        Ok(())
    }

    async fn invited_to(&self, code: Digest) -> Result<Option<RoomId>, Unavailable> {
        Ok(self.lock().codes.get(&code).map(|(room, _)| *room))
    }

    async fn sync(&self, user: UserId, _at: Timestamp) -> Result<FirstPaint, Refusal> {
        let state = self.lock();
        let account = state.living(user).ok_or(Refusal::NotFound)?;
        let rooms = state.rooms_of(user).filter_map(|log| state.line_of(log, user)).collect();
        Ok(FirstPaint { user: account.user.clone(), seq: account.hint, rooms })
    }
}

impl State {
    fn line_of(&self, log: &RoomLog, user: UserId) -> Option<SyncRoom> {
        let facts = log.members.get(&user)?;
        let after = log.messages.range(facts.read.saturating_add(1)..).map(|(_, message)| message);
        let unread = after.filter(|message| message.author != user && !message.deleted);
        let named = unread.clone().filter(|message| message.mentions_room || message.mentions.contains(&user));
        let last = log.messages.values().rev().find(|message| !message.deleted);
        Some(SyncRoom {
            room: log.room.clone(),
            member: facts.member.clone(),
            peer: log.members.keys().find(|other| **other != user && log.room.kind == RoomKind::Direct).copied(),
            log: self.log_of(Some(log)),
            read: facts.read,
            unread: counted(unread),
            mentions: counted(named),
            last: last.map(|message| log.shown_to(user, message)),
        })
    }
}

fn counted<'a>(messages: impl Iterator<Item = &'a std::sync::Arc<Message>>) -> u32 {
    messages.take(MOST_COUNTED).map(|_| 1).sum()
}

fn is_about(room: &Room, query: &str) -> bool {
    let name = room.name.as_ref().is_some_and(|name| name.as_str().to_lowercase().contains(query));
    name || room.topic.as_ref().is_some_and(|topic| topic.as_str().to_lowercase().contains(query))
}
