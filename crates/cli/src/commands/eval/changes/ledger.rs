//! What a change does to a ledger. Its lines say what was live and who decided; a chain of digests does not show that its end is gone.

use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Prompt;

use super::Then;
use super::linked::is_touched;

impl Then<'_> {
    /// An error where the ledger of a prompt lacks lines that it had where the change began, or has others in their place. What the
    /// other side wrote since, the change could not know; and a ledger of that day that cannot be trusted says nothing.
    pub(super) fn ledger_kept(&self, prompt: &Prompt) -> Result<Option<Problem>, Box<Problem>> {
        let file = prompt.directory().join(ledger::FILE_NAME);
        if !is_touched(&self.git, &file, &self.touched) {
            return Ok(None);
        }
        let path = self.git.named(&file);
        let Some(began) = self.git.file_at(&self.fork, &path)? else { return Ok(None) };
        // Where the other side gave it up too, nothing is taken away here.
        if self.git.file_at(&self.commit, &path)?.is_none() {
            return Ok(None);
        }
        let then = Ledger::parse(path.clone(), prompt.name(), began.clone());
        let sound = then.faults().is_empty();
        // A torn end never happened, so a change may repair it.
        let began = then.tail().map_or(began.as_str(), |tail| &began[..tail.start]);
        // A torn first command leaves nothing to keep.
        if began.trim().is_empty() {
            return Ok(None);
        }
        let now = std::fs::read(&file).ok();
        if !sound || now.as_deref().is_some_and(|now| now.starts_with(began.trim_end().as_bytes())) {
            return Ok(None);
        }
        let (name, reference) = (prompt.name(), self.reference);
        let what = match &now {
            None => "removes it".to_owned(),
            Some(now) => {
                let now = String::from_utf8_lossy(now);
                let kept = began.lines().zip(now.lines()).take_while(|(then, now)| then == now).count();
                let all = began.lines().count();
                match kept {
                    0 => "keeps no line of it".to_owned(),
                    kept => format!("keeps only the first {kept} of its {all} lines"),
                }
            }
        };
        let message = format!("`{name}` has a ledger at {reference}, and this change {what}");
        let help = format!(
            "a ledger only grows: take it from {reference} (`git checkout {reference} -- {}`), and make the moves of this change again with the commands that write it",
            super::slashed(&path)
        );
        Ok(Some(Problem::error("changes::ledger_cut", message).at(Place::whole_file(file)).help(help)))
    }
}
