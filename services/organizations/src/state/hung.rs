//! What hangs on a root, a unit or an account, in the order in which it was attached.
//! AWS: "Policies are evaluated based on the order in which they were attached"
//! (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_inheritance_mgmt.html>).

use serde::{Deserialize, Serialize};

/// The ids of policies, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hung(Vec<String>);

impl Hung {
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.0.iter().any(|known| known == id)
    }

    /// Adds a policy behind the others; `false` when it hangs there already.
    pub(crate) fn insert(&mut self, id: String) -> bool {
        let is_new = !self.contains(&id);
        if is_new {
            self.0.push(id);
        }
        is_new
    }

    /// Takes a policy away; `false` when it does not hang there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|known| known != id);
        self.0.len() < before
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, String> {
        self.0.iter()
    }
}

impl FromIterator<String> for Hung {
    fn from_iter<I: IntoIterator<Item = String>>(ids: I) -> Hung {
        let mut hung = Hung::default();
        ids.into_iter().for_each(|id| {
            hung.insert(id);
        });
        hung
    }
}

#[cfg(test)]
mod tests {
    use super::Hung;

    #[test]
    fn the_order_of_attachment_stays() {
        let mut hung: Hung = ["p-b", "p-a", "p-b"].into_iter().map(str::to_owned).collect();
        assert!(!hung.insert("p-a".into()) && hung.insert("p-0".into()));
        assert!(hung.remove("p-b") && !hung.remove("p-b"));
        hung.insert("p-b".into());
        assert_eq!(hung.iter().collect::<Vec<_>>(), ["p-a", "p-0", "p-b"]);
    }
}
