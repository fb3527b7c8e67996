//! The options of transit gateways: how they are asked for and shown. Pure.

use crate::commit::refuse;
use crate::error;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{self as api, ModifyTransitGatewayOptions, TransitGatewayRequestOptions};
use yakumo_aws::{Error, Result};

/// AWS: the number of a gateway when nothing else is said.
const ASN: i64 = 64_512;

/// How a gateway is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// Its private autonomous system number. As on AWS, attachments of VPCs make no use of it.
    pub asn: i64,
    /// `DnsSupport`.
    pub dns: bool,
    /// `VpnEcmpSupport`. As on AWS, attachments of VPCs make no use of it.
    pub ecmp: bool,
    /// `AutoAcceptSharedAttachments`: what other accounts ask for is accepted. Nothing is shared yet, so nobody asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepts: bool,
    /// Whether new attachments are associated with the table of `association`.
    pub associates: bool,
    /// Whether new attachments propagate to the table of `propagation`.
    pub propagates: bool,
    /// The default association route table, `tgw-rtb-…`; with `associates` it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association: Option<String>,
    /// The default propagation route table; with `propagates` it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<String>,
}

/// Whether a value is `enable`, and not `disable`; the model has checked that it is one of them.
pub(crate) fn is_enabled(value: Option<&str>, otherwise: bool) -> bool {
    value.map_or(otherwise, |value| value == "enable")
}

/// As AWS writes it.
pub(crate) fn enabled(is: bool) -> Option<String> {
    Some(if is { "enable" } else { "disable" }.to_owned())
}

impl Options {
    /// The options of a new gateway, without its tables.
    pub(super) fn asked(wanted: &TransitGatewayRequestOptions) -> Result<Options> {
        let is = |value: &Option<String>| is_enabled(value.as_deref(), false);
        refuse(&[
            ("MulticastSupport", is(&wanted.multicast_support)),
            ("SecurityGroupReferencingSupport", is(&wanted.security_group_referencing_support)),
            ("TransitGatewayCidrBlocks", wanted.transit_gateway_cidr_blocks.is_some()),
        ])?;
        Ok(Options {
            asn: wanted.amazon_side_asn.map_or(Ok(ASN), checked)?,
            dns: is_enabled(wanted.dns_support.as_deref(), true),
            ecmp: is_enabled(wanted.vpn_ecmp_support.as_deref(), true),
            accepts: is(&wanted.auto_accept_shared_attachments),
            associates: is_enabled(wanted.default_route_table_association.as_deref(), true),
            propagates: is_enabled(wanted.default_route_table_propagation.as_deref(), true),
            association: None,
            propagation: None,
        })
    }

    /// These options after a change.
    pub(super) fn changed(&self, wanted: &ModifyTransitGatewayOptions) -> Result<Options> {
        let is = |value: &Option<String>| is_enabled(value.as_deref(), false);
        refuse(&[
            ("SecurityGroupReferencingSupport", is(&wanted.security_group_referencing_support)),
            ("EncryptionSupport", is(&wanted.encryption_support)),
            ("AddTransitGatewayCidrBlocks", wanted.add_transit_gateway_cidr_blocks.is_some()),
            ("RemoveTransitGatewayCidrBlocks", wanted.remove_transit_gateway_cidr_blocks.is_some()),
        ])?;
        let after = Options {
            asn: wanted.amazon_side_asn.map_or(Ok(self.asn), checked)?,
            dns: is_enabled(wanted.dns_support.as_deref(), self.dns),
            ecmp: is_enabled(wanted.vpn_ecmp_support.as_deref(), self.ecmp),
            accepts: is_enabled(wanted.auto_accept_shared_attachments.as_deref(), self.accepts),
            associates: is_enabled(wanted.default_route_table_association.as_deref(), self.associates),
            propagates: is_enabled(wanted.default_route_table_propagation.as_deref(), self.propagates),
            association: wanted.association_default_route_table_id.clone().or(self.association.clone()),
            propagation: wanted.propagation_default_route_table_id.clone().or(self.propagation.clone()),
        };
        after.whole(wanted)
    }

    /// With a table where one is needed, and none where it would not act.
    fn whole(mut self, wanted: &ModifyTransitGatewayOptions) -> Result<Options> {
        let checks = [
            (
                self.associates,
                &mut self.association,
                &wanted.association_default_route_table_id,
                ("DefaultRouteTableAssociation", "AssociationDefaultRouteTableId"),
            ),
            (
                self.propagates,
                &mut self.propagation,
                &wanted.propagation_default_route_table_id,
                ("DefaultRouteTablePropagation", "PropagationDefaultRouteTableId"),
            ),
        ];
        for (does, table, named, (flag, member)) in checks {
            match (does, named) {
                (true, _) if table.is_none() => return Err(conflict("enable", flag, member, "null")),
                (false, Some(id)) => return Err(conflict("disable", flag, member, id)),
                (false, None) => *table = None,
                (true, _) => {}
            }
        }
        Ok(self)
    }

    /// What the API shows of them.
    pub(crate) fn shown(&self) -> api::TransitGatewayOptions {
        api::TransitGatewayOptions {
            amazon_side_asn: Some(self.asn),
            auto_accept_shared_attachments: enabled(self.accepts),
            default_route_table_association: enabled(self.associates),
            association_default_route_table_id: self.association.clone(),
            default_route_table_propagation: enabled(self.propagates),
            propagation_default_route_table_id: self.propagation.clone(),
            vpn_ecmp_support: enabled(self.ecmp),
            dns_support: enabled(self.dns),
            security_group_referencing_support: enabled(false),
            multicast_support: enabled(false),
            ..api::TransitGatewayOptions::default()
        }
    }
}

/// AWS: "64512 to 65534 for 16-bit ASNs and 4200000000 to 4294967294 for 32-bit ASNs" (API_TransitGatewayRequestOptions).
fn checked(asn: i64) -> Result<i64> {
    match (64_512..=65_534).contains(&asn) || (4_200_000_000..=4_294_967_294).contains(&asn) {
        true => Ok(asn),
        false => {
            let reason =
                "The private ASN must be between 64512 and 65534 or between 4200000000 and 4294967294.";
            Err(error::invalid_value(asn, "amazonSideAsn", reason))
        }
    }
}

/// AWS: the text as clients report it.
fn conflict(how: &str, flag: &str, member: &str, value: &str) -> Error {
    error::invalid_parameter_combination(format!("{how} {flag} conflicts with {member} {value}"))
}

#[cfg(test)]
mod tests {
    use super::{Options, checked};
    use yakumo_api_ec2::{ModifyTransitGatewayOptions as Change, TransitGatewayRequestOptions as Asked};

    #[test]
    fn numbers_are_private_ones() {
        for (asn, expected) in [
            (64_511, false),
            (64_512, true),
            (65_534, true),
            (65_535, false),
            (4_200_000_000, true),
            (4_294_967_295, false),
        ] {
            assert_eq!(checked(asn).is_ok(), expected, "{asn}");
        }
    }

    #[test]
    fn a_default_table_is_there_exactly_when_it_acts() {
        let plain = Options::asked(&Asked::default()).unwrap();
        let (enable, table) = (Some("enable".to_owned()), Some("tgw-rtb-1".to_owned()));
        let without = Options { associates: false, propagates: false, ..plain };
        let change = Change { default_route_table_association: enable, ..Change::default() };
        let error = without.changed(&change).unwrap_err();
        let text = "enable DefaultRouteTableAssociation conflicts with AssociationDefaultRouteTableId null";
        assert_eq!(error.message, text);
        let change = Change { association_default_route_table_id: table.clone(), ..change };
        let with = without.changed(&change).unwrap();
        assert_eq!((with.associates, &with.association), (true, &table));
        let off = Change { default_route_table_association: Some("disable".into()), ..Change::default() };
        assert_eq!(with.changed(&off).unwrap().association, None);
        assert!(with.changed(&Change { association_default_route_table_id: table, ..off }).is_err());
    }

    #[test]
    fn what_would_not_act_is_refused_by_name() {
        let enable = Some("enable".to_owned());
        for wanted in [
            Asked { multicast_support: enable.clone(), ..Asked::default() },
            Asked { security_group_referencing_support: enable, ..Asked::default() },
            Asked { transit_gateway_cidr_blocks: Some(vec!["10.0.0.0/24".into()]), ..Asked::default() },
        ] {
            assert_eq!(Options::asked(&wanted).unwrap_err().status, 501, "{wanted:?}");
        }
    }
}
