//! Maps of small networks, and of none and of large ones.

use super::sample::Builder;
use super::view::View;
use super::{Form, Options, form, svg, text};
use yakumo_net::Topology;
use yakumo_net::topology::{Label, Ports, Target, Traffic};

const SHOP: &str = "\
VPC  vpc-1  10.0.0.0/16
  internet gateway  igw-1
  NAT gateway  nat-1  10.0.1.5 as 198.18.0.5  in front
  peering  pcx-1  vpc-2 10.1.0.0/16
    subnet front (subnet-1)  10.0.1.0/24  public  routes rtb-vpc-1  ACL acl-vpc-1
      eni-1  10.0.1.4 as 198.18.0.4  sg-1  live
    subnet subnet-2  10.0.2.0/24  private  routes rtb-2  ACL acl-vpc-1
    subnet subnet-3  10.0.3.0/24  isolated  routes rtb-3  ACL acl-vpc-1
  route table rtb-2
    10.0.0.0/16 -> local
    10.1.0.0/16 -> pcx-1
    0.0.0.0/0 -> nat-1
  route table rtb-3
    10.0.0.0/16 -> local
    0.0.0.0/0 -> nowhere (nat-gone is gone)
  route table rtb-vpc-1
    10.0.0.0/16 -> local
    0.0.0.0/0 -> igw-1
  network ACL acl-vpc-1
    in  100 allow all from 0.0.0.0/0
    in  101 allow all from ::/0
    out 100 allow all to 0.0.0.0/0
    out 101 allow all to ::/0
  security group sg-1
    in  tcp 443 from sg-1
    out all to 0.0.0.0/0
    out all to ::/0";

fn shop() -> Topology {
    let mut b = Builder::default();
    b.vpc("vpc-1", "10.0.0.0/16").gateway("vpc-1", "igw-1").vpc("vpc-2", "10.1.0.0/16");
    b.subnet("subnet-1", "vpc-1", "10.0.1.0/24").subnet("subnet-2", "vpc-1", "10.0.2.0/24");
    b.subnet("subnet-3", "vpc-1", "10.0.3.0/24").subnet("subnet-9", "vpc-2", "10.1.9.0/24");
    b.own_table("subnet-2", "rtb-2").own_table("subnet-3", "rtb-3").peering("pcx-1", "vpc-1", "vpc-2");
    b.nat("nat-1", "subnet-1", "10.0.1.5", Some("198.18.0.5")).group("sg-1", "vpc-1");
    b.interface("eni-1", "subnet-1", "10.0.1.4", "sg-1").public("eni-1", "198.18.0.4");
    b.allow_group("sg-1", Traffic::Tcp(Ports::only(443)), "sg-1");
    b.route("subnet-1", "0.0.0.0/0", Target::InternetGateway("igw-1".into()));
    b.route("subnet-2", "0.0.0.0/0", Target::NatGateway("nat-1".into()));
    b.route("subnet-2", "10.1.0.0/16", Target::Peering("pcx-1".into()));
    b.route("subnet-3", "0.0.0.0/0", Target::NatGateway("nat-gone".into()));
    b.topology.labels.insert("subnet-1".into(), Label { name: Some("front".into()), ..Label::default() });
    b.topology
}

/// One VPC of `subnets`, with `interfaces` in the first.
fn large(subnets: u8, interfaces: u8) -> Topology {
    let mut b = Builder::default();
    b.vpc("vpc-1", "10.0.0.0/16").group("sg-1", "vpc-1");
    for n in 0..subnets {
        b.subnet(&format!("subnet-{n}"), "vpc-1", &format!("10.0.{n}.0/24"));
    }
    for n in 0..interfaces {
        b.interface(&format!("eni-{n}"), "subnet-0", &format!("10.0.0.{}", n + 4), "sg-1");
    }
    b.topology
}

fn drawn<T>(topology: &Topology, draw: impl Fn(&[View<'_>]) -> T) -> T {
    let part = topology.around("vpc-1").unwrap();
    draw(&[View { vpc: "vpc-1", topology: &part }])
}

fn as_text(views: &[View<'_>]) -> String {
    text::draw(views).into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_small_network_as_text() {
    assert_eq!(drawn(&shop(), as_text), SHOP);
}

#[test]
fn a_picture_has_lines_for_the_routes_that_lead_somewhere() {
    let picture = drawn(&shop(), svg::draw);
    let routes = picture.lines().filter(|line| line.starts_with("<path") && line.contains('V'));
    let dashed = routes.clone().filter(|line| line.contains("dasharray"));
    assert_eq!((routes.count(), dashed.count()), (3, 1));
    assert_eq!(picture.matches("<g ").count(), picture.matches("</g>").count());
    assert!(!picture.contains("subnet-9"));
}

#[test]
fn what_is_too_much_is_folded() {
    for (subnets, interfaces, in_text, in_picture) in [
        (0, 0, None, Some("no subnets")),
        (1, 8, None, None),
        (1, 20, None, Some("+ 12 more interfaces")),
        (1, 100, Some("+ 80 more"), Some("+ 92 more interfaces")),
        (20, 0, None, None),
        (23, 0, None, Some("+ 3 more subnets")),
    ] {
        let network = large(subnets, interfaces);
        let (text, picture) = (drawn(&network, as_text), drawn(&network, svg::draw));
        assert_eq!(text.contains(" more"), in_text.is_some(), "{subnets} {interfaces}");
        assert!(
            text.contains(in_text.unwrap_or_default()) && picture.contains(in_picture.unwrap_or_default())
        );
        assert_eq!(picture.contains(" more"), in_picture.is_some_and(|said| said.contains(" more")));
    }
}

#[test]
fn no_vpc_is_said() {
    assert_eq!(as_text(&[]), "There is no VPC.");
    assert!(svg::draw(&[]).contains("There is no VPC."));
}

#[test]
fn a_file_name_chooses_the_form_unless_one_is_named() {
    for (output, file, wanted) in [
        (None, None, Form::Text),
        (None, Some("a.svg"), Form::Svg),
        (None, Some("a.SVG"), Form::Svg),
        (None, Some("svg"), Form::Text),
        (Some(Form::Text), Some("a.svg"), Form::Text),
        (Some(Form::Svg), None, Form::Svg),
    ] {
        let file = file.map(Into::into);
        let options = Options { vpc: None, output, file, endpoint: None };
        assert_eq!(form(&options), wanted, "{options:?}");
    }
}
