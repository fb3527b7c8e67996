//! Capacity reservations and recovery: of what AWS has, the part that instances here have.

use crate::commit::refuse;
use crate::error;
use yakumo_aws::Result;

/// What a launch or a launch template says of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Preferences<'a> {
    /// Whether a reservation is named.
    pub has_target: bool,
    /// Which reservations the instances look for.
    pub reservations: Option<&'a str>,
    /// Whether they recover by themselves.
    pub recovery: Option<&'a str>,
}

impl Preferences<'_> {
    /// Refuses what no instance here has; the names of the parameters begin with `at`.
    ///
    /// # Errors
    /// NotImplemented; InvalidParameterValue for what AWS does not know either.
    pub(crate) fn check(&self, at: &str) -> Result<()> {
        let reservation = format!("{at}CapacityReservationSpecification.CapacityReservation");
        let known = ["open", "none", "capacity-reservations-only"];
        one_of(self.reservations, &known, "capacityReservationPreference", "Unknown preference.")?;
        one_of(self.recovery, &["default", "disabled"], "autoRecovery", "Unknown behavior.")?;
        refuse(&[
            (&format!("{reservation}Target"), self.has_target),
            (
                &format!("{reservation}Preference capacity-reservations-only"),
                self.reservations == Some("capacity-reservations-only"),
            ),
            (&format!("{at}MaintenanceOptions.AutoRecovery disabled"), self.recovery == Some("disabled")),
        ])
    }
}

fn one_of(value: Option<&str>, known: &[&str], name: &str, reason: &str) -> Result<()> {
    match value {
        Some(value) if !known.contains(&value) => Err(error::invalid_value(value, name, reason)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Preferences;

    #[test]
    fn what_no_instance_has_is_refused_and_what_nobody_knows_is_wrong() {
        let code = |has_target, reservations, recovery| {
            let said = Preferences { has_target, reservations, recovery };
            said.check("").err().map(|error| error.code.into_owned())
        };
        assert_eq!(code(false, None, None), None);
        assert_eq!(code(false, Some("open"), Some("default")), None);
        assert_eq!(code(false, Some("none"), None), None);
        for (has_target, reservations, recovery) in [
            (true, None, None),
            (false, Some("capacity-reservations-only"), None),
            (false, None, Some("disabled")),
        ] {
            assert_eq!(code(has_target, reservations, recovery).as_deref(), Some("NotImplemented"));
        }
        for (reservations, recovery) in [(Some("zz"), None), (None, Some("zz"))] {
            assert_eq!(code(false, reservations, recovery).as_deref(), Some("InvalidParameterValue"));
        }
    }
}
