//! What the API was told is what the network engine wants: the seam between records and packets.

use super::client::{first, ok};
use std::sync::Arc;
use std::time::Duration;
use yakumo_net::Topology;
use yakumo_net::topology::{Destination, Peer, Target, Traffic};
use yakumo_testkit::TestCloud;

/// Waits until what is wanted of the network fits, and gives it.
async fn wanted(cloud: &TestCloud, fits: impl Fn(&Topology) -> bool) -> Arc<Topology> {
    let mut last = cloud.cloud().network().topology();
    for _ in 0..500 {
        if fits(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        last = cloud.cloud().network().topology();
    }
    panic!("the network was never told: {last:?}");
}

#[tokio::test]
async fn every_change_comes_to_the_network_and_a_restart_tells_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let cloud = TestCloud::start_in(directory.path()).await.unwrap();
    let root = cloud.root("000000000000");
    let other = cloud.root("111122223333").region("eu-west-1");
    let theirs = first(&ok(&other, "DescribeVpcs", &[]).await, "vpcId");
    let made =
        ok(&root, "CreateVpc", &[("CidrBlock", "10.0.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true")])
            .await;
    let vpc = first(&made, "vpcId");
    let subnet =
        first(&ok(&root, "CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", "10.0.1.0/24")]).await, "subnetId");
    let group = first(
        &ok(&root, "CreateSecurityGroup", &[("VpcId", &vpc), ("GroupName", "g"), ("GroupDescription", "d")])
            .await,
        "groupId",
    );
    let rule = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "22"),
        ("IpPermissions.1.ToPort", "22"),
        ("IpPermissions.1.Groups.1.GroupId", group.as_str()),
    ];
    ok(&root, "AuthorizeSecurityGroupIngress", &rule).await;
    let gateway = first(&ok(&root, "CreateInternetGateway", &[]).await, "internetGatewayId");
    ok(&root, "AttachInternetGateway", &[("InternetGatewayId", &gateway), ("VpcId", &vpc)]).await;
    let table = first(&ok(&root, "CreateRouteTable", &[("VpcId", &vpc)]).await, "routeTableId");
    let route = [("RouteTableId", &*table), ("DestinationCidrBlock", "0.0.0.0/0"), ("GatewayId", &gateway)];
    ok(&root, "CreateRoute", &route).await;
    ok(&root, "AssociateRouteTable", &[("RouteTableId", &table), ("SubnetId", &subnet)]).await;
    let is_told =
        |topology: &Topology| topology.subnets.get(&subnet).is_some_and(|subnet| subnet.route_table == table);
    let told = wanted(&cloud, is_told).await;
    assert!(told.flaws().is_empty(), "{:?}", told.flaws());
    assert_eq!(told.vpcs.len(), 3, "two default VPCs and this one");
    assert!(told.vpcs.contains_key(&theirs));
    let said = &told.vpcs[&vpc];
    assert_eq!(said.internet_gateway.as_ref(), Some(&gateway));
    assert_eq!(said.cidrs.len(), 2);
    assert!(cloud.cloud().network().ranges().v6.covers(&said.cidrs[1]));
    let route = &told.route_tables[&table].routes[0];
    assert_eq!(route.target, Target::InternetGateway(gateway.clone()));
    assert_eq!(route.destination, Destination::Cidr("0.0.0.0/0".parse().unwrap()));
    let rules = &told.groups[&group].ingress;
    assert!(matches!(rules[0].traffic, Traffic::Tcp(ports) if ports.contains(22) && !ports.contains(23)));
    assert_eq!(rules[0].peer, Peer::Group(group.clone()));
    assert_eq!(told.acls[&told.subnets[&subnet].acl].ingress.len(), 2, "IPv4 and IPv6 are allowed in");

    let cloud = cloud.restart().await.unwrap();
    let again = wanted(&cloud, is_told).await;
    assert_eq!(again.vpcs, told.vpcs);
    assert_eq!(again.groups, told.groups);
    let root = cloud.root("000000000000");
    ok(&root, "DeleteSubnet", &[("SubnetId", &subnet)]).await;
    wanted(&cloud, |topology| !topology.subnets.contains_key(&subnet)).await;
    cloud.stop().await;
}
