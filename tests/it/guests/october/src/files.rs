//! Files and the streams between them.

use crate::wasi::filesystem::preopens::get_directories;
use crate::wasi::filesystem::types::{
    AccessType, Advice, Descriptor, DescriptorFlags, ErrorCode, Modes, NewTimestamp, OpenFlags, PathFlags,
    filesystem_error_code,
};
use crate::wasi::io::poll::poll_one;
use crate::wasi::io::streams::StreamError;
use crate::{Words, read_all, say, stream_error};

fn read_write() -> DescriptorFlags {
    DescriptorFlags::READ | DescriptorFlags::WRITE
}

fn root() -> Descriptor {
    get_directories().into_iter().find(|(_, path)| path == "/").unwrap().0
}

fn open(root: &Descriptor, path: &str, create: bool) -> Result<Descriptor, ErrorCode> {
    let how = if create { OpenFlags::CREATE | OpenFlags::TRUNCATE } else { OpenFlags::empty() };
    let flags = if create { read_write() } else { DescriptorFlags::READ };
    root.open_at(PathFlags::SYMLINK_FOLLOW, path, how, flags, Modes::READABLE | Modes::WRITABLE)
}

fn write(root: &Descriptor, path: &str, bytes: &[u8]) {
    assert_eq!(open(root, path, true).unwrap().write(bytes, 0).unwrap(), bytes.len() as u64);
}

pub fn files() {
    let root = root();
    write(&root, "a.txt", b"0123456789");
    let file = open(&root, "a.txt", false).unwrap();
    say(format!(
        "read {:?}",
        file.read(4, 3).map(|(bytes, end)| (String::from_utf8(bytes).unwrap(), end)).words()
    ));
    say(format!("stat {} {:?}", file.stat().unwrap().size, file.get_type().unwrap()));
    say(format!("flags {:?}", file.get_flags().unwrap() & DescriptorFlags::READ == DescriptorFlags::READ));
    say(format!("absent {:?}", open(&root, "absent", false).map(|_| ()).words().unwrap_err()));
    let exclusive = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    let again = root.open_at(PathFlags::empty(), "a.txt", exclusive, read_write(), Modes::READABLE);
    say(format!("exclusive {:?}", again.map(|_| ()).words().unwrap_err()));
    let long = "d".repeat(200);
    root.create_directory_at(&long).unwrap();
    let inside = open(&root, &long, false).unwrap();
    write(&inside, "b", b"deep");
    say(format!("inside {:?}", inside.stat_at(PathFlags::empty(), "b").unwrap().size));
    root.rename_at("a.txt", &inside, "c.txt").unwrap();
    inside.link_at(PathFlags::empty(), "c.txt", &root, "a.txt").unwrap();
    let again = open(&root, "a.txt", false).unwrap();
    say(format!("same {} {}", file.is_same_object(&again), file.is_same_object(&inside)));
    let (one, other) = (file.metadata_hash().unwrap(), again.metadata_hash().unwrap());
    let third = inside.metadata_hash_at(PathFlags::empty(), "c.txt").unwrap();
    say(format!("hash {}", (one.lower, one.upper) == (other.lower, other.upper) && third.lower == one.lower));
    let entries = inside.read_directory().unwrap();
    let mut names = Vec::new();
    while let Some(entry) = entries.read_directory_entry().unwrap() {
        names.push(entry.name);
    }
    names.sort();
    say(format!("entries {names:?}"));
    root.symlink_at("a.txt", "link").unwrap();
    say(format!("link {:?}", root.readlink_at("link").unwrap()));
    let writable =
        root.open_at(PathFlags::empty(), "a.txt", OpenFlags::empty(), read_write(), Modes::empty()).unwrap();
    writable.set_size(6).unwrap();
    writable.advise(0, 6, Advice::Normal).unwrap();
    let time = crate::wasi::clocks::wall_clock::Datetime { seconds: 1_000_000_000, nanoseconds: 0 };
    writable.set_times(NewTimestamp::NoChange, NewTimestamp::Timestamp(time)).unwrap();
    root.set_times_at(PathFlags::empty(), "a.txt", NewTimestamp::NoChange, NewTimestamp::NoChange).unwrap();
    writable.sync_data().unwrap();
    writable.sync().unwrap();
    let stat = writable.stat().unwrap();
    say(format!("changed {} {:?}", stat.size, stat.data_modification_timestamp.map(|time| time.seconds)));
    drop((writable, again, file, inside));
    let inside = open(&root, &long, false).unwrap();
    for name in ["b", "c.txt"] {
        inside.unlink_file_at(name).unwrap();
    }
    drop(inside);
    root.remove_directory_at(&long).unwrap();
    root.unlink_file_at("link").unwrap();
    root.unlink_file_at("a.txt").unwrap();
    say(format!("gone {:?}", root.stat_at(PathFlags::empty(), "a.txt").words().unwrap_err()));
}

/// What WASI has no more.
pub fn removed() {
    let root = root();
    write(&root, "a.txt", b"here");
    let access = |path, what| root.access_at(PathFlags::empty(), path, what).words();
    say(format!("exists {:?}", access("a.txt", AccessType::Exists)));
    say(format!("exists not {:?}", access("absent", AccessType::Exists)));
    say(format!("may {:?}", access("a.txt", AccessType::Access(Modes::READABLE))));
    let modes = Modes::READABLE;
    say(format!("mode {:?}", root.change_file_permissions_at(PathFlags::empty(), "a.txt", modes).words()));
    say(format!(
        "mode of a folder {:?}",
        root.change_directory_permissions_at(PathFlags::empty(), ".", modes).words()
    ));
    let file = open(&root, "a.txt", false).unwrap();
    let locks = [
        file.lock_shared(),
        file.lock_exclusive(),
        file.try_lock_shared(),
        file.try_lock_exclusive(),
        file.unlock(),
    ]
    .map(Words::words);
    say(format!("locks {locks:?}"));
    // Handles that were lent to these functions are back: the file can be closed and removed.
    drop(file);
    root.unlink_file_at("a.txt").unwrap();
}

pub fn streams() {
    let root = root();
    write(&root, "from", &[b"abcdefgh".repeat(10_000), b"end".to_vec()].concat());
    let from = |at| open(&root, "from", false).unwrap().read_via_stream(at).unwrap();
    let target = |name| open(&root, name, true).unwrap();

    let file = target("to");
    let out = file.write_via_stream(0).unwrap();
    poll_one(&out.subscribe());
    say(format!("room {}", out.check_write().unwrap() > 0));
    out.write(b"xy").unwrap();
    out.flush().unwrap();
    out.blocking_flush().unwrap();
    out.blocking_write_zeroes_and_flush(2).unwrap();
    poll_one(&out.subscribe());
    out.check_write().unwrap();
    out.write_zeroes(1).unwrap();
    out.blocking_flush().unwrap();
    // The source is given away: it ends with the call.
    say(format!("blocking splice {:?}", out.blocking_splice(from(0), 5).map_err(stream_error)));
    out.blocking_flush().unwrap();
    let source = from(8);
    poll_one(&source.subscribe());
    poll_one(&out.subscribe());
    say(format!("splice {}", out.splice(source, 3).map_err(stream_error).unwrap() <= 3));
    out.blocking_flush().unwrap();
    drop(out);
    let bytes = read_all(&open(&root, "to", false).unwrap().read_via_stream(0).unwrap());
    say(format!("spliced {:?}", String::from_utf8_lossy(&bytes[..10])));

    let file = target("all");
    let out = file.append_via_stream().unwrap();
    let moved = out.forward(from(0)).map_err(stream_error);
    say(format!("forward {moved:?} size {}", open(&root, "all", false).unwrap().stat().unwrap().size));
    say(format!("forward from its end {:?}", out.forward(from(80_003)).map_err(stream_error)));
    drop(out);

    let source = from(80_001);
    say(format!("skip {:?} {:?}", source.skip(0).map_err(stream_error), source.blocking_skip(1)));
    say(format!("read {:?}", source.read(0).map_err(stream_error).map(|bytes| bytes.len())));
    say(format!("rest {:?}", String::from_utf8(read_all(&source)).unwrap()));
    say(format!("end {:?}", source.blocking_read(1).map_err(stream_error)));

    // Nothing has that many bytes.
    let file = target("far");
    match file.write_via_stream(u64::MAX - 10).unwrap().blocking_write_and_flush(b"x") {
        Err(StreamError::LastOperationFailed(error)) => {
            let code = filesystem_error_code(&error).map(|code| code.name());
            say(format!("failed {code:?} {}", !error.to_debug_string().is_empty()));
        }
        other => say(format!("failed {:?}", other.map_err(stream_error))),
    }
    for name in ["from", "to", "all", "far"] {
        root.unlink_file_at(name).unwrap();
    }
}
