//! The kept inputs of the fuzzer, each through its target: what once broke stays mended, and the targets compile.

#[expect(unreachable_pub, reason = "it is a library for the fuzzer")]
#[path = "../../../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use targets::TARGETS;

#[test]
fn every_kept_input_is_read_without_a_panic() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, run) in TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(corpora.join(name)).unwrap() {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            run(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "the corpus of `{name}` is empty");
    }
    let kept = fs::read_dir(&corpora).unwrap().count();
    assert_eq!(kept, TARGETS.len(), "a corpus without a target");
    let files = fs::read_dir(corpora.join("../fuzz_targets")).unwrap().count();
    assert_eq!(files, TARGETS.len(), "a file in fuzz_targets/ without a target, or the other way round");
}
