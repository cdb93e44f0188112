//! As whom a server runs. PostgreSQL refuses to be root, so root lends it a user without rights.

use std::{fs, io, os::unix::fs::chown, path::Path};

/// User and group ids of `/etc/passwd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    /// The user.
    pub(crate) uid: u32,
    /// Its group.
    pub(crate) gid: u32,
}

impl User {
    /// The user to change to, `None` when we are not root and stay who we are.
    ///
    /// # Errors
    /// When we are root and there is neither a user `postgres` nor `nobody`.
    pub(crate) fn without_rights() -> io::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd")?;
        let found = ["postgres", "nobody"].into_iter().find_map(|name| Self::find(&passwd, name));
        let missing = "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`";
        found.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, missing))
    }

    /// Gives a directory to this user.
    ///
    /// # Errors
    /// Those of the system call.
    pub(crate) fn owns(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }

    fn find(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let mut ids = fields.skip(1).map(|field| field.parse().ok());
            Some(Self { uid: ids.next()??, gid: ids.next()?? })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\npostgresql:x:7:7::/:/bin/sh\n\
                          broken\nnobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn ids_are_found_by_the_whole_name() {
        assert_eq!(User::find(PASSWD, "nobody"), Some(User { uid: 65534, gid: 65533 }));
        assert_eq!(User::find(PASSWD, "postgres"), None);
        assert_eq!(User::find(PASSWD, "broken"), None);
    }
}
