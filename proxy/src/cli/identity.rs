//! `user` and `group`: who the proxy is once it has bound its addresses as root.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, chown, getegid, geteuid, initgroups, setgid, setgroups, setuid};
use swiftiply::config::{Identity, Process};

/// Who to become.
#[derive(Debug)]
pub struct NewIdentity {
    /// The user, and its name if it has one: its other groups come with it.
    user: Option<(Uid, Option<CString>)>,
    group: Gid,
}

/// Looks the names up, while the error can still be told at the terminal. None when nothing is to change.
pub fn find(process: &Process) -> Result<Option<NewIdentity>, IdentityError> {
    let user = process.user.as_ref().map(find_user).transpose()?;
    let group = process.group.as_ref().map(find_group).transpose()?;
    let (user, group) = match (user, group) {
        (None, None) => return Ok(None),
        (None, Some(group)) => (None, group),
        (Some(user), Some(group)) => (Some(user), group),
        (Some(FoundUser { group: None, uid, .. }), None) => return Err(IdentityError::NoGroup(uid)),
        (Some(user @ FoundUser { group: Some(group), .. }), None) => (Some(user), group),
    };
    let is_same = user.as_ref().is_none_or(|user| user.uid == geteuid()) && group == getegid();
    if is_same {
        return Ok(None);
    }
    if !geteuid().is_root() {
        return Err(IdentityError::NotRoot);
    }
    Ok(Some(NewIdentity { user: user.map(|user| (user.uid, user.name)), group }))
}

impl NewIdentity {
    /// Hands over the file of a Unix socket: whoever the proxy becomes must be able to remove it, and backends of the
    /// same group to connect.
    pub fn own(&self, path: &Path) -> Result<(), IdentityError> {
        let uid = self.user.as_ref().map(|(uid, _)| *uid);
        chown(path, uid, Some(self.group)).map_err(|cause| IdentityError::Refused(cause.into()))
    }

    /// Becomes it, for good. Groups first: without root's rights they could no longer be changed.
    pub fn take_on(&self) -> Result<(), IdentityError> {
        let refused = |cause: nix::Error| IdentityError::Refused(cause.into());
        match &self.user {
            Some((_, Some(name))) => initgroups(name, self.group).map_err(refused)?,
            _ => setgroups(&[self.group]).map_err(refused)?,
        }
        setgid(self.group).map_err(refused)?;
        if let Some((uid, _)) = self.user {
            setuid(uid).map_err(refused)?;
            if !uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
                return Err(IdentityError::Refused(io::Error::other("root's rights could be taken back")));
            }
        }
        Ok(())
    }
}

struct FoundUser {
    uid: Uid,
    name: Option<CString>,
    group: Option<Gid>,
}

fn find_user(identity: &Identity) -> Result<FoundUser, IdentityError> {
    let (found, number) = match identity {
        Identity::Name(name) => (User::from_name(name), None),
        Identity::Number(number) => (User::from_uid(Uid::from_raw(*number)), Some(*number)),
    };
    let lookup_failed = |cause: nix::Error| IdentityError::Refused(cause.into());
    match (found.map_err(lookup_failed)?, number) {
        (Some(user), _) => {
            Ok(FoundUser { uid: user.uid, name: CString::new(user.name).ok(), group: Some(user.gid) })
        }
        // A number needs no name: containers run as such users.
        (None, Some(number)) => Ok(FoundUser { uid: Uid::from_raw(number), name: None, group: None }),
        (None, None) => Err(IdentityError::Unknown { what: "user", name: shown(identity) }),
    }
}

fn find_group(identity: &Identity) -> Result<Gid, IdentityError> {
    match identity {
        Identity::Number(number) => Ok(Gid::from_raw(*number)),
        Identity::Name(name) => match Group::from_name(name) {
            Ok(Some(group)) => Ok(group.gid),
            Ok(None) => Err(IdentityError::Unknown { what: "group", name: name.clone() }),
            Err(cause) => Err(IdentityError::Refused(cause.into())),
        },
    }
}

fn shown(identity: &Identity) -> String {
    match identity {
        Identity::Name(name) => name.clone(),
        Identity::Number(number) => number.to_string(),
    }
}

/// Why the proxy cannot become another user.
#[derive(Debug)]
pub enum IdentityError {
    /// No such user or group on this host.
    Unknown { what: &'static str, name: String },
    /// A user known by number only has no group of its own.
    NoGroup(Uid),
    /// Only root can become somebody else.
    NotRoot,
    /// The system refuses.
    Refused(io::Error),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdentityError::Unknown { what, name } => {
                write!(f, "{what}: there is no {what} {name:?} on this host; create it or name another one")
            }
            IdentityError::NoGroup(uid) => {
                write!(f, "user: the user {uid} has no entry on this host, so no group either; set `group` too")
            }
            IdentityError::NotRoot => f.write_str(
                "user: only root can become another user or group; start as root, or remove `user` and `group`",
            ),
            IdentityError::Refused(cause) => {
                write!(f, "user: the system refuses the change ({cause}); start with all of root's rights")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(user: Option<Identity>, group: Option<Identity>) -> Process {
        Process { user, group, ..Process::default() }
    }

    #[test]
    fn without_user_and_group_nothing_changes() {
        assert!(find(&process(None, None)).unwrap().is_none());
    }

    #[test]
    fn whoever_one_already_is_needs_no_root() {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        let same = process(Some(Identity::Number(user)), Some(Identity::Number(group)));
        assert!(find(&same).unwrap().is_none());
    }

    #[test]
    fn an_unknown_name_is_told() {
        let error = find(&process(Some(Identity::Name("no-such-user".to_owned())), None)).unwrap_err();
        assert!(error.to_string().starts_with("user: there is no user \"no-such-user\""), "{error}");
        let error = find(&process(None, Some(Identity::Name("no-such-group".to_owned())))).unwrap_err();
        assert!(error.to_string().starts_with("group: there is no group \"no-such-group\""), "{error}");
    }

    #[test]
    fn a_user_without_entry_needs_a_group() {
        let error = find(&process(Some(Identity::Number(3_999_999_999)), None)).unwrap_err();
        assert!(matches!(error, IdentityError::NoGroup(_)), "{error}");
    }
}
