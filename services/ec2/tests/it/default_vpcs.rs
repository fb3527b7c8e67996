//! The default VPC: there from the beginning, once, in every account and region.

use super::client::{cloud, first, ok, refused};

#[tokio::test]
async fn every_account_and_region_has_its_own_and_no_more() {
    let (cloud, root) = cloud().await;
    let other = cloud.root("111122223333");
    let mut seen = std::collections::BTreeSet::new();
    for client in [root.clone(), root.region("eu-west-1"), other.clone()] {
        let vpcs = ok(&client, "DescribeVpcs", &[]).await;
        assert_eq!(vpcs.matches("<isDefault>true</isDefault>").count(), 1, "{vpcs}");
        assert_eq!(ok(&client, "DescribeVpcs", &[]).await.matches("<vpcId>").count(), 1);
        assert!(seen.insert(first(&vpcs, "vpcId")));
        let subnets = ok(&client, "DescribeSubnets", &[]).await;
        assert_eq!(subnets.matches("<defaultForAz>true</defaultForAz>").count(), 3);
    }
    let (code, text) = refused(&root, "CreateDefaultVpc", &[]).await;
    assert_eq!(code, "DefaultVpcAlreadyExists", "{text}");
    // Another account's VPC is not there for this one.
    let theirs = first(&ok(&other, "DescribeVpcs", &[]).await, "vpcId");
    assert_eq!(refused(&root, "DeleteVpc", &[("VpcId", &theirs)]).await.0, "InvalidVpcID.NotFound");
    cloud.stop().await;
}

#[tokio::test]
async fn many_first_looks_at_once_make_one() {
    let (cloud, root) = cloud().await;
    let looks = (0..8).map(|_| ok(&root, "DescribeVpcs", &[]));
    let found = futures_util::future::join_all(looks).await;
    let ids: std::collections::BTreeSet<String> = found.iter().map(|xml| first(xml, "vpcId")).collect();
    assert_eq!(ids.len(), 1);
    cloud.stop().await;
}
