//! Files and the streams between them.

use super::{read_all, say, stream_error, text};
use crate::wasi::filesystem::preopens::get_directories;
use crate::wasi::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags, filesystem_error_code,
};
use crate::wasi::io::streams::StreamError;

fn read_write() -> DescriptorFlags {
    DescriptorFlags::READ | DescriptorFlags::WRITE
}

fn root() -> Descriptor {
    get_directories().into_iter().find(|(_, path)| path == "/").unwrap().0
}

fn open(root: &Descriptor, path: &str, create: bool) -> Result<Descriptor, ErrorCode> {
    let how = if create { OpenFlags::CREATE | OpenFlags::TRUNCATE } else { OpenFlags::empty() };
    root.open_at(
        PathFlags::SYMLINK_FOLLOW,
        path,
        how,
        if create { read_write() } else { DescriptorFlags::READ },
    )
}

fn write(root: &Descriptor, path: &str, bytes: &[u8]) {
    assert_eq!(open(root, path, true).unwrap().write(bytes, 0).unwrap(), bytes.len() as u64);
}

pub fn files() {
    let root = root();
    write(&root, "a.txt", b"0123456789");
    let file = open(&root, "a.txt", false).unwrap();
    say(format!("read {:?}", file.read(4, 3).map(|(bytes, end)| (text(bytes), end))));
    say(format!("stat {} {:?}", file.stat().unwrap().size, file.get_type().unwrap()));
    say(format!("flags {}", file.get_flags().unwrap() & DescriptorFlags::READ == DescriptorFlags::READ));
    say(format!("absent {:?}", open(&root, "absent", false).map(|_| ()).unwrap_err()));
    let exclusive = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    let again = root.open_at(PathFlags::empty(), "a.txt", exclusive, read_write());
    say(format!("exclusive {:?}", again.map(|_| ()).unwrap_err()));
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
    let writable = root.open_at(PathFlags::empty(), "a.txt", OpenFlags::empty(), read_write()).unwrap();
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
    say(format!("gone {:?}", root.stat_at(PathFlags::empty(), "a.txt").unwrap_err()));
}

pub fn streams() {
    let root = root();
    write(&root, "from", &[b"abcdefgh".repeat(10_000), b"end".to_vec()].concat());
    let from = |at| open(&root, "from", false).unwrap().read_via_stream(at).unwrap();

    let file = open(&root, "to", true).unwrap();
    let out = file.write_via_stream(0).unwrap();
    out.subscribe().block();
    say(format!("room {}", out.check_write().unwrap() > 0));
    out.write(b"xy").unwrap();
    out.flush().unwrap();
    out.blocking_flush().unwrap();
    out.blocking_write_zeroes_and_flush(2).unwrap();
    out.subscribe().block();
    out.check_write().unwrap();
    out.write_zeroes(1).unwrap();
    out.blocking_flush().unwrap();
    // The source is only lent and goes on behind what was taken.
    let source = from(0);
    say(format!("blocking splice {:?}", out.blocking_splice(&source, 5).map_err(stream_error)));
    out.blocking_flush().unwrap();
    source.subscribe().block();
    out.subscribe().block();
    say(format!("splice {}", out.splice(&source, 3).map_err(stream_error).unwrap() <= 3));
    out.blocking_flush().unwrap();
    drop(out);
    let bytes = read_all(&open(&root, "to", false).unwrap().read_via_stream(0).unwrap());
    say(format!("spliced {:?}", String::from_utf8_lossy(&bytes[..10])));
    let out = file.append_via_stream().unwrap();
    out.blocking_write_and_flush(b"more").unwrap();
    drop(out);
    let size = open(&root, "to", false).unwrap().stat().unwrap().size;
    say(format!("appended {}", size - bytes.len() as u64));

    let source = from(80_001);
    say(format!("skip {:?} {:?}", source.skip(0).map_err(stream_error), source.blocking_skip(1)));
    say(format!("read {:?}", source.read(0).map_err(stream_error).map(|bytes| bytes.len())));
    say(format!("rest {:?}", text(read_all(&source))));
    say(format!("end {:?}", source.blocking_read(1).map_err(stream_error)));

    // A folder can be opened and not be read.
    let folder = open(&root, ".", false).unwrap();
    match folder.read_via_stream(0).map(|stream| stream.blocking_read(1)) {
        Ok(Err(StreamError::LastOperationFailed(error))) => {
            say(format!(
                "folder {:?} {}",
                filesystem_error_code(&error),
                !error.to_debug_string().is_empty()
            ));
        }
        other => say(format!("folder {:?}", other.map(|read| read.map_err(stream_error)))),
    }
    for name in ["from", "to"] {
        root.unlink_file_at(name).unwrap();
    }
}
