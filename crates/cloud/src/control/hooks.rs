//! What became of the scripts in `ready.d`. Whoever runs them reports here; `/_localstack/init` shows it.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The state of a script, in the words of the tools that ask for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ScriptState {
    /// Found, not begun.
    Unknown,
    /// Begun.
    Running,
    /// Ended with exit code 0.
    Successful,
    /// Could not be begun, or ended in another way.
    Error,
}

/// The scripts of one start.
#[derive(Default)]
pub struct Hooks(Mutex<State>);

#[derive(Default)]
struct State {
    scripts: Vec<(String, ScriptState)>,
    completed: bool,
}

impl Hooks {
    /// Says which scripts will run, in this order.
    pub fn found(&self, names: impl IntoIterator<Item = String>) {
        self.0.lock().scripts.extend(names.into_iter().map(|name| (name, ScriptState::Unknown)));
    }

    /// Reports on the script at this place in the order.
    pub fn report(&self, index: usize, state: ScriptState) {
        if let Some((_, known)) = self.0.lock().scripts.get_mut(index) {
            *known = state;
        }
    }

    /// Says that all scripts have ended, or that there are none.
    pub fn complete(&self) {
        self.0.lock().completed = true;
    }

    /// The scripts with their states, and whether all have ended.
    pub fn read(&self) -> (Vec<(String, ScriptState)>, bool) {
        let state = self.0.lock();
        (state.scripts.clone(), state.completed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hooks, ScriptState};

    #[test]
    fn a_report_changes_its_script_only() {
        let hooks = Hooks::default();
        hooks.found(["10-a.sh".to_owned(), "20-b.sh".to_owned()]);
        hooks.report(1, ScriptState::Error);
        hooks.report(7, ScriptState::Error);
        let states: Vec<ScriptState> = hooks.read().0.into_iter().map(|(_, state)| state).collect();
        assert_eq!(states, [ScriptState::Unknown, ScriptState::Error]);
        assert!(!hooks.read().1);
        hooks.complete();
        assert!(hooks.read().1);
    }
}
