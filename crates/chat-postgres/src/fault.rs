//! Why a job gave no answer, and what the names of broken constraints mean to a caller.

use chat_domain::refusal::Refusal;
use diesel::result::{
    DatabaseErrorKind::{self, CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation},
    Error,
};

/// Why a job gave no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The rules say no; nothing is changed, the connection is fine.
    Refused(Refusal),
    /// The database failed.
    Failed(Error),
    /// The job was not begun, or not finished in time.
    Late(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Failed(error) => error.fmt(f),
            Self::Late(cause) => f.write_str(cause),
        }
    }
}

/// What a broken constraint says to the caller. Others are defects, or races that end at the next try.
const REFUSALS: [(&str, Refusal); 3] = [
    ("users_reserved", Refusal::UsernameTaken),
    ("users_username", Refusal::UsernameTaken),
    ("sessions_of_user", Refusal::NotFound),
];

impl Fault {
    /// A failure in the words of the rules, where its constraint has any.
    pub(crate) fn told(error: Error) -> Self {
        let Error::DatabaseError(_, about) = &error else { return Self::Failed(error) };
        let known = REFUSALS.into_iter().find(|(name, _)| about.constraint_name() == Some(name));
        known.map_or(Self::Failed(error), |(_, refusal)| Self::Refused(refusal))
    }

    fn kind(&self) -> Option<&DatabaseErrorKind> {
        match self {
            Self::Failed(Error::DatabaseError(kind, _)) => Some(kind),
            Self::Failed(_) | Self::Refused(_) | Self::Late(_) => None,
        }
    }

    /// Whether a statement was wrong for the rows it met; the connection and the server are fine then.
    pub(crate) fn is_constraint(&self) -> bool {
        let kind = self.kind();
        matches!(kind, Some(CheckViolation | ForeignKeyViolation | NotNullViolation | UniqueViolation))
    }

    /// Whether the transaction had to give way to another and may succeed when tried again. A deadlock is known by its
    /// message, for want of its code (diesel has none for it); a server that speaks another language than English gets no
    /// second try. What is locked by name here is locked in one order (rooms, users, sessions), but PostgreSQL locks more
    /// than that by itself: a foreign key locks the row it points at (also when a row is updated a second time in its
    /// transaction, though the key stays), a unique index makes one wait for another's row. So a deadlock is rare, not
    /// impossible.
    pub(crate) fn gave_way(&self) -> bool {
        if matches!(self.kind(), Some(DatabaseErrorKind::SerializationFailure)) {
            return true;
        }
        matches!(self, Self::Failed(Error::DatabaseError(_, about)) if about.message() == "deadlock detected")
    }

    /// Whether somebody else held a row for longer than `lock_timeout`. Known by its message too.
    pub(crate) fn met_a_lock(&self) -> bool {
        let told = "canceling statement due to lock timeout";
        matches!(self, Self::Failed(Error::DatabaseError(_, about)) if about.message() == told)
    }

    /// Whether the way to the server is broken, and other connections may be broken as well.
    pub(crate) fn is_lost(&self) -> bool {
        let lost =
            matches!(self.kind(), Some(DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection));
        lost || matches!(self, Self::Late(_))
    }
}
