//! Trees under `fixtures/trees`: every message about an invalid one, word for word, and silence about a valid one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use promptassay_registry::content::{Rendered, VersionContent};
use promptassay_registry::digest::Digest;
use promptassay_registry::files::create_new;
use promptassay_registry::problem::{Problem, Severity};
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::tree::{FORMAT_NOT_TOLD, Loaded, PromptVersion, Tree};
use promptassay_registry::variables::{Interface, Variables};

fn fixtures(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/trees").join(kind)
}

/// All that a person sees of a tree: the problems with their source lines, then what is sound and what is not.
fn shown(loaded: &Loaded) -> String {
    let root = loaded.tree.root();
    let mut text = String::new();
    for problem in &loaded.problems {
        show(&mut text, root, problem);
    }
    let sound: Vec<&str> = loaded.tree.prompts().map(|prompt| prompt.name().as_str()).collect();
    let broken: Vec<&str> = loaded.tree.broken().iter().map(|broken| broken.name.as_str()).collect();
    write!(text, "sound: [{}], broken: [{}]", sound.join(", "), broken.join(", ")).unwrap();
    // Where a tree lies differs from machine to machine.
    let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    for (path, name) in [
        (root, "ROOT"),
        (&real, "ROOT"),
        (root.parent().unwrap(), "OUTSIDE"),
        (real.parent().unwrap(), "OUTSIDE"),
    ] {
        text = text.replace(&path.display().to_string(), name);
    }
    text.replace('\u{301}', "<U+0301>")
}

fn show(text: &mut String, root: &Path, problem: &Problem) {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    writeln!(text, "{severity}[{}]: {}", problem.code, problem.message).unwrap();
    if let Some(place) = &problem.place {
        let file = place.file.strip_prefix(root).unwrap_or(&place.file);
        let file = file.display().to_string().replace(std::path::MAIN_SEPARATOR, "/");
        writeln!(text, "  --> {}:{}:{}", if file.is_empty() { "." } else { &file }, place.line, place.column)
            .unwrap();
        if !place.line_text.is_empty() {
            writeln!(text, "   | {}", place.line_text.replace('\0', "␀")).unwrap();
            writeln!(text, "   | {}{}", " ".repeat(place.column - 1), "^".repeat(place.width)).unwrap();
        }
    }
    if let Some(help) = &problem.help {
        writeln!(text, "  help: {help}").unwrap();
    }
    text.push('\n');
}

fn topics(kind: &str) -> Vec<PathBuf> {
    let mut topics: Vec<PathBuf> =
        fs::read_dir(fixtures(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    topics.sort();
    topics
}

#[test]
fn every_message_about_an_invalid_tree() {
    let topics = topics("invalid");
    assert!(topics.len() >= 20, "the corpus is not where it should be");
    for topic in topics {
        let loaded = Tree::load(&topic);
        assert!(!loaded.problems.is_empty(), "nothing is said about {}", topic.display());
        insta::assert_snapshot!(format!("invalid@{}", topic.file_name().unwrap().display()), shown(&loaded));
    }
}

#[test]
fn nothing_is_said_about_a_valid_tree() {
    for topic in topics("valid").into_iter().chain([fixtures("../../prompts")]) {
        let loaded = Tree::load(&topic);
        assert!(loaded.problems.is_empty(), "{}:\n{}", topic.display(), shown(&loaded));
        assert!(loaded.tree.prompts().len() > 0);
    }
}

/// A tree that cannot be kept in a repository: links, other encodings, names that some file systems take for one.
struct Built(tempfile::TempDir);

impl Built {
    fn new() -> Self {
        let built = Self(tempfile::tempdir().unwrap());
        fs::create_dir(built.root()).unwrap();
        built
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("prompts")
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        create_new(&path, bytes).unwrap();
        self
    }

    fn prompt(&self, name: &str) -> &Self {
        self.write(&format!("{name}/prompt.yaml"), format!("name: {name}\nactive_version: v1.0.0\n"))
    }

    fn shown(&self) -> String {
        shown(&Tree::load(self.root()))
    }
}

#[test]
fn a_missing_directory_is_a_problem() {
    let built = Built::new();
    insta::assert_snapshot!(shown(&Tree::load(built.root().join("none"))), @"
    error[tree::no_directory]: there is no prompts directory here
      --> .:1:1
      help: `promptassay init` makes a prompts directory; `--prompts DIR` names another

    sound: [], broken: []
    ");
    insta::assert_snapshot!(shown(&Tree::load(built.write("file", "x").root().join("file"))), @"
    error[tree::no_directory]: this is a file, not a prompts directory
      --> .:1:1
      help: `promptassay init` makes a prompts directory; `--prompts DIR` names another

    sound: [], broken: []
    ");
}

#[test]
fn undeclared_variables_of_a_chat_hide_behind_no_other_mistake() {
    let built = Built::new();
    built.write("p/prompt.yaml", "name: p\nactive_version: v1.0.0\nvariables: [name, tone]\n");
    built.write("p/v1.0.0.txt", "{name} {tone} {other}\n");
    built.write(
        "p/v1.1.0.yaml",
        "messages:\n  - {role: sytem, content: 'Hi {nme}, {{literal}}'}\n  - {role: user, content: 'is {not} closed {here'}\n  \
         - {role: user, content: '{other} {name}'}\nparam: {}\n",
    );
    insta::assert_snapshot!(built.shown());
}

#[test]
fn other_encodings_and_oversized_files_are_refused_at_their_place() {
    let built = Built::new();
    built.prompt("support");
    built.write("support/v1.0.0.txt", b"Caf\xc3\xa9\nna\xefve\n");
    built.write("support/v1.1.0.txt", b"\xef\xbb\xbfHello.");
    built.write("support/v1.2.0.yaml", b"\xff\xfem\0e\0");
    built.write("support/v1.3.0.txt", vec![b'a'; 5 << 20]);
    built.write("support/v1.4.0.txt", vec![b'a'; 2 << 20]);
    built.write("registry.yaml", b"\xef\xbb\xbfschema: 1\n");
    insta::assert_snapshot!(built.shown(), @"
    error[file::byte_order_mark]: the file begins with a byte order mark
      --> registry.yaml:1:1
      help: save it as UTF-8 without a byte order mark (BOM): it would become part of the text

    error[file::not_utf8]: the file is not UTF-8: the byte 0xef does not fit
      --> support/v1.0.0.txt:2:3
       | na�ve
       |   ^
      help: save it as UTF-8

    error[file::byte_order_mark]: the file begins with a byte order mark
      --> support/v1.1.0.txt:1:1
      help: save it as UTF-8 without a byte order mark (BOM): it would become part of the text

    error[file::not_utf8]: the file is not UTF-8: the byte 0xff does not fit
      --> support/v1.2.0.yaml:1:1
       | ��m␀e␀
       | ^
      help: it looks like UTF-16; save it as UTF-8

    error[file::too_large]: the file has 5242880 bytes; at most 4194304 are read
      --> support/v1.3.0.txt:1:1
      help: split it, or shorten it

    error[template::too_large]: the template has 2097152 bytes, more than 1048576
      --> support/v1.4.0.txt:1:1
      help: pass large texts as values of variables

    sound: [], broken: [support]
    ");
}

#[test]
fn line_endings_are_kept_and_digested_as_they_are() {
    let built = Built::new();
    built.prompt("support").write("support/v1.0.0.txt", "a\r\nb\r\n").write("support/v1.1.0.txt", "a\nb");
    let loaded = Tree::load(built.root());
    assert_eq!(loaded.problems, []);
    let prompt = loaded.tree.prompt("support").unwrap();
    let versions: Vec<_> =
        prompt.versions().map(|version| (&*version.text, version.digest.to_string())).collect();
    // printf 'a\r\nb\r\n' | sha256sum; printf 'a\nb' | sha256sum
    assert_eq!(versions, [("a\r\nb\r\n", CRLF_DIGEST.to_owned()), ("a\nb", LF_DIGEST.to_owned()),]);
    let VersionContent::Text(template) = &prompt.latest().unwrap().content else { panic!("a text") };
    assert_eq!(template.source(), "a\nb");
}

const CRLF_DIGEST: &str = "58055bdcc73787eb88c78d36f0b4939e9c5dc1c3ad17e25cc85a6833cf1a0cab";
const LF_DIGEST: &str = "7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78";

#[cfg(unix)]
#[test]
fn links_that_leave_or_dangle_are_refused_and_others_are_followed() {
    use std::os::unix::fs::symlink;
    let built = Built::new();
    let outside = built.0.path().join("outside");
    fs::create_dir(&outside).unwrap();
    create_new(&outside.join("secret.txt"), "Secret.").unwrap();
    built.prompt("support").write("support/v1.0.0.txt", "One.");
    symlink("v1.0.0.txt", built.root().join("support/v1.1.0.txt")).unwrap();
    symlink("../../outside/secret.txt", built.root().join("support/v1.2.0.txt")).unwrap();
    symlink("nowhere.txt", built.root().join("support/v1.3.0.txt")).unwrap();
    symlink("../outside", built.root().join("team")).unwrap();
    insta::assert_snapshot!(built.shown(), @"
    warning[version::identical]: v1.1.0 has the same content as v1.0.0
      --> support/v1.1.0.txt:1:1
      help: change it, or remove it; if it is meant, `promptassay register support v1.1.0 -m WHY` says so

    error[file::link_leaves]: this link leads out of the prompts directory, to `OUTSIDE/outside/secret.txt`
      --> support/v1.2.0.txt:1:1
      help: copy the file here, so that every clone has it

    error[file::link_dangles]: this link leads nowhere
      --> support/v1.3.0.txt:1:1
      help: remove it, or let it lead to a file of the prompts directory

    error[file::link_leaves]: this link leads out of the prompts directory, to `OUTSIDE/outside`
      --> team:1:1
      help: copy the file here, so that every clone has it

    sound: [], broken: [support]
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_one_on_other_file_systems_are_refused() {
    let built = Built::new();
    for name in ["support", "Support", "cafe\u{301}", "caf\u{e9}"] {
        built.prompt(name).write(&format!("{name}/v1.0.0.txt"), "One.");
    }
    built.write("support/v2.0.0-rc.1.txt", "Two.").write("support/v2.0.0-RC.1.txt", "Three.");
    insta::assert_snapshot!(built.shown(), @r"
    error[prompt::name]: `Support` is not a prompt name: it has an upper-case letter
      --> Support:1:1
      help: did you mean `support`? a name is 1 to 64 of `a-z`, `0-9`, `_` and `-`, and begins with a letter or a digit

    error[prompt::name]: `cafe\u{301}` is not a prompt name: it has a character that is not allowed
      --> cafe<U+0301>:1:1
      help: did you mean `cafe`? a name is 1 to 64 of `a-z`, `0-9`, `_` and `-`, and begins with a letter or a digit

    error[prompt::name]: `café` is not a prompt name: it has a character that is not allowed
      --> café:1:1
      help: did you mean `cafe`? a name is 1 to 64 of `a-z`, `0-9`, `_` and `-`, and begins with a letter or a digit

    error[tree::name_clash]: `café` and `cafe<U+0301>` are one name on a file system that ignores case or Unicode normal forms
      --> café:1:1
      help: rename one of the two

    error[tree::name_clash]: `support` and `Support` are one name on a file system that ignores case or Unicode normal forms
      --> support:1:1
      help: rename one of the two

    error[version::name_clash]: v2.0.0-RC.1 and v2.0.0-rc.1 have one file name on a file system that ignores case
      --> support/v2.0.0-rc.1.txt:1:1
      help: rename one of the two

    sound: [], broken: [Support, cafe<U+0301>, café, support]
    ");
}

/// What each version of a prompt says where `query` is "hi", in their order; or what is wrong with the prompt.
fn said(tree: &Path) -> Vec<String> {
    let loaded = Tree::load(tree);
    let Some(prompt) = loaded.tree.prompt("support") else {
        return loaded.problems.iter().map(ToString::to_string).collect();
    };
    let values = [("query".to_owned(), "hi".into())].into_iter().collect();
    let text = |version: &PromptVersion| match version.render(&values).unwrap().output {
        Rendered::Text(text) => text.trim_end().to_owned(),
        Rendered::Chat(_) => unreachable!("all are texts"),
    };
    prompt.versions().map(text).collect()
}

/// A tree with one version, whose row of prompt.lock has this format and is of this interface.
fn registered(text: &str, row_has: Option<&str>, interface: &Interface, prompt: &str) -> Built {
    let format = row_has.map(|format| format!("    template_format: {format}\n")).unwrap_or_default();
    let (sha256, interface) = (Digest::of(text), interface.digest());
    let row = format!("    file: v1.0.0.txt\n    sha256: {sha256}\n    interface: {interface}\n{format}");
    let lock = format!(
        "schema: 1\nversions:\n  1.0.0:\n{row}    created_at: 2026-11-22T10:00:00Z\n    created_by: Ada\n"
    );
    let built = Built::new();
    built.write("support/v1.0.0.txt", text).write("support/prompt.lock", lock);
    built.write("support/prompt.yaml", format!("name: support\nactive_version: v1.0.0\n{prompt}"));
    built
}

fn of(format: TemplateFormat, names: &[&str]) -> Interface {
    Interface::new(format, Variables::inferred(format, names.iter().copied()))
}

#[test]
fn a_registered_text_is_read_in_the_format_that_it_was_registered_with() {
    assert_eq!(said(&fixtures("valid/both_formats")), ["1.0.0: hi", "1.1.0: hi", "2.0.0: hi"]);
    let write = |text: &str, row_has: Option<&str>, interface: &Interface, prompt: &str| {
        said(&registered(text, row_has, interface, prompt).root())
    };
    let (format, jinja) = (TemplateFormat::Format, TemplateFormat::Jinja);
    let moved = "template_format: jinja\nvariables: {query: {type: string}, tone: {default: kind}}\n";
    // The format and a variable are others: the row says the one, and the other is a warning.
    assert_eq!(write("Say {query}", Some("format"), &of(format, &["query"]), moved), ["Say hi"]);
    // Nothing was declared, so the digest is that of what the text uses.
    let declared = "template_format: jinja\nvariables: [query]\n";
    assert_eq!(write("Say {query}", None, &of(format, &["query"]), declared), ["Say hi"]);
    // And so it is with a name that is another one by now.
    let renamed = "template_format: jinja\nvariables: {question: {default: x}}\n";
    let said_of_it = write("Say {query}", None, &of(format, &["query"]), renamed).concat();
    assert!(said_of_it.contains("v1.0.0 uses `query`, which is not declared"), "{said_of_it}");
    // What may be left out in Jinja needs something that stands in its place here; what the text does not use does not.
    let optional = "template_format: jinja\nvariables: {query: {required: false}, tone: {required: false}}\n";
    let said_of_it = write("Say {query}", Some("format"), &of(format, &["query"]), optional);
    let errors: Vec<_> = said_of_it.iter().filter(|said| said.contains("in which nothing stands")).collect();
    assert!(errors.len() == 1 && errors[0].contains("`query`"), "{said_of_it:?}");
    let unused = "template_format: jinja\nvariables: {query: {type: string}, tone: {required: false}}\n";
    assert_eq!(write("Say {query}", Some("format"), &of(format, &["query"]), unused), ["Say hi"]);
    // What looks like a field of the other format is none, whatever is declared since.
    let declared = "variables: [query]\n";
    assert_eq!(write("Put {{query}} there", None, &of(format, &[]), declared), ["Put {query} there"]);
    assert_eq!(write("Put {query} there", Some("jinja"), &of(jinja, &[]), declared), ["Put {query} there"]);
    // A variable was edited since, so the digest proves nothing.
    let edited = of(format, &["query", "tone"]);
    let moved = "template_format: jinja\nvariables: {query: {type: string, max_length: 500}}\n";
    let doubted = write("Say {query}", None, &edited, moved).concat();
    assert!(doubted.contains("nothing says in which template format v1.0.0 was registered"), "{doubted}");
    for (written, said) in [("format", "Say hi"), ("jinja", "Say {query}")] {
        assert_eq!(write("Say {query}", Some(written), &edited, moved), [said]);
    }
    // What says the same in both formats is no ground for doubt.
    assert_eq!(write("Say hello", None, &edited, moved), ["Say hello"]);
}

/// What is declared where a digest proves nothing: it is another set than any that a version was registered with.
const EDITED: &str = "variables: {query: {type: string, max_length: 500}, tone: {default: kind}}\n";

#[test]
fn a_row_that_proves_no_format_is_an_error_where_the_text_may_have_been_of_the_other_one() {
    let old = of(TemplateFormat::Format, &["then"]);
    let [format, jinja] = ["format", "jinja"].map(|word| format!("template_format: {word}\n"));
    for (text, told) in [
        // It takes nothing by now, as the name in its braces is another one.
        ("Answer {question}.", &jinja),
        ("Answer {{ question }}.", &format),
        // Also where a format was never told: nobody writes so who has variables.
        ("Answer {{ question }}.", &String::new()),
        ("Answer {{ query }}.", &String::new()),
        // Something of it means something in either.
        ("Answer {query}. Never write {{ tone }} back.", &jinja),
        ("Answer {query}. Never write {{ tone }} back.", &format),
        ("Answer {query}. Never write {{ other }} back.", &format),
        ("Answer {question}. Never write {{ tone }} back.", &jinja),
        ("Write {{ \"json\" }}.", &jinja),
        // It is no text of the format of today.
        ("Answer {query} as {{\"a\": 1}}.", &jinja),
        ("{% if query %}{{ query }}{% endif %}", &format),
        ("{% if query %}{{ query }}{% endif %}", &String::new()),
    ] {
        let prompt = format!("{told}{EDITED}");
        let built = registered(text, None, &old, &prompt);
        let loaded = Tree::load(built.root());
        let refused: Vec<_> =
            loaded.problems.iter().filter(|problem| problem.code == FORMAT_NOT_TOLD).collect();
        assert_eq!(refused.len(), 1, "{text} in {prompt}: {:?}", loaded.problems);
        let is_whole = |problem: &&Problem| problem.is_error() && problem.code != "variables::undeclared";
        assert_eq!(loaded.problems.iter().filter(is_whole).count(), 1, "{text}: {:?}", loaded.problems);
        // What it tells to do ends it.
        let help = refused[0].help.as_ref().unwrap();
        let line = help.split_once("write `").unwrap().1.split_once('`').unwrap().0;
        let word = line.trim_start().strip_prefix("template_format: ").unwrap();
        let built = registered(text, Some(word), &old, &prompt);
        let loaded = Tree::load(built.root());
        assert!(loaded.problems.iter().all(|problem| !is_whole(&problem)), "{text}: {:?}", loaded.problems);
    }
}

#[test]
fn a_prompt_that_never_had_another_format_is_read_as_ever() {
    let old = of(TemplateFormat::Format, &["then"]);
    let [format, jinja] = ["format", "jinja"].map(|word| format!("template_format: {word}\n"));
    let write = |text: &str, told: &str| {
        let prompt = format!("{told}{EDITED}");
        said(&registered(text, None, &old, &prompt).root())
    };
    // Where a format is told, a text that takes what is declared speaks for it, and so does one that is none of the other.
    for (text, told, says) in [
        ("Say {query}", &format, "Say hi"),
        ("Say {query} in {{braces: 1}}", &format, "Say hi in {braces: 1}"),
        ("Say {query} as {{\"a\": 1}}", &format, "Say hi as {\"a\": 1}"),
        ("As {{\"a\": 1}}", &format, "As {\"a\": 1}"),
        ("Say {query} and {{ \"json\" }}", &format, "Say hi and { \"json\" }"),
        ("Say {{ query }}", &jinja, "Say hi"),
        ("Say {{ query }} as {\"a\": 1}", &jinja, "Say hi as {\"a\": 1}"),
        ("{% if query %}Say {{ query }}{% endif %}", &jinja, "Say hi"),
        ("Say hello", &jinja, "Say hello"),
    ] {
        assert_eq!(write(text, told), [says], "{text} in {told}");
    }
    // Where none is, all was of the one that goes without saying.
    for (text, says) in [
        ("Say {query}", "Say hi"),
        ("Say {query} in {{braces}}", "Say hi in {braces}"),
        ("Say {query}, write {{tone}} and {{ \"json\" }}", "Say hi, write {tone} and { \"json\" }"),
        ("Write {{ \"json\" }}", "Write { \"json\" }"),
    ] {
        assert_eq!(write(text, ""), [says], "{text}");
    }
}

#[test]
fn a_row_that_tells_the_other_format_shows_that_there_was_another_one() {
    let text = "Answer {query}. Never write {{ tone }} back.";
    let prompt = EDITED.to_owned();
    let built = registered(text, None, &of(TemplateFormat::Format, &["then"]), &prompt);
    let refused = |built: &Built| {
        let problems = Tree::load(built.root()).problems;
        problems.iter().filter(|problem| problem.code == FORMAT_NOT_TOLD).count()
    };
    assert_eq!(refused(&built), 0);
    let path = built.root().join("support/prompt.lock");
    let lock = fs::read_to_string(&path).unwrap();
    let (second, digest) = ("Say {{ query }}.", of(TemplateFormat::Jinja, &["query"]).digest());
    let row = format!(
        "  2.0.0:\n    file: v2.0.0.txt\n    sha256: {}\n    interface: {digest}\n    template_format: jinja\n    created_at: 2026-11-23T10:00:00Z\n    created_by: Ada\n",
        Digest::of(second)
    );
    fs::remove_file(&path).unwrap();
    built.write("support/prompt.lock", lock + &row).write("support/v2.0.0.txt", second);
    assert_eq!(refused(&built), 1, "{:?}", Tree::load(built.root()).problems);
}
