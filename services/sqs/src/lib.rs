//! Amazon Simple Queue Service: operation → what it needs → handler.
//!
//! Messages are the data plane: `queue` is its engine. Queues, their attributes, tags and policies are the control
//! plane: records that change one at a time (`changes`).

mod access;
mod address;
mod attributes;
mod batches;
mod changes;
mod error;
mod letters;
mod message_attributes;
mod messages;
mod move_tasks;
mod pages;
mod permissions;
mod policies;
mod queue;
mod queue_attributes;
mod queues;
mod reconcile;
mod redrive;
mod redrives;
mod state;
mod tags;

use crate::access::on_queue;
use crate::queue::registry::Registry;
use std::sync::Arc;
use yakumo_api_sqs as api;
use yakumo_room::{Base, Room, Tagged};

/// The room of SQS over a cloud's ground.
pub fn room(base: &Arc<Base>) -> Room {
    let registry = Registry::new(base.clone());
    // AWS: a queue's policy may name everybody, so requests without a signature come in:
    // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html>
    Room::new("sqs")
        .anonymous()
        .resource_control()
        .tag_policies(Tagged { types: &["queue"], code: "TagPolicyException" })
        .resources(|ctx, action, arn| Box::pin(access::need_of(ctx, action, arn)))
        .state(registry.clone())
        .reconciler(reconcile::move_tasks(registry.clone()))
        .reconciler(reconcile::clean_up(registry))
        .on(api::AddPermission, on_queue("sqs:addpermission"), permissions::add_permission)
        .on(api::CancelMessageMoveTask, move_tasks::cancel_access(), move_tasks::cancel_message_move_task)
        .on(
            api::ChangeMessageVisibility,
            on_queue("sqs:changemessagevisibility"),
            messages::change_message_visibility,
        )
        .on(
            api::ChangeMessageVisibilityBatch,
            on_queue("sqs:changemessagevisibility"),
            batches::change_message_visibility_batch,
        )
        .on(api::CreateQueue, access::create_queue(), queues::create_queue)
        .on(api::DeleteMessage, on_queue("sqs:deletemessage"), messages::delete_message)
        .on(api::DeleteMessageBatch, on_queue("sqs:deletemessage"), batches::delete_message_batch)
        .on(api::DeleteQueue, on_queue("sqs:deletequeue"), queues::delete_queue)
        .on(
            api::GetQueueAttributes,
            on_queue("sqs:getqueueattributes"),
            queue_attributes::get_queue_attributes,
        )
        .on(api::GetQueueUrl, access::get_queue_url(), queues::get_queue_url)
        .on(
            api::ListDeadLetterSourceQueues,
            on_queue("sqs:listdeadlettersourcequeues"),
            redrives::list_dead_letter_source_queues,
        )
        .on(api::ListMessageMoveTasks, move_tasks::list_access(), move_tasks::list_message_move_tasks)
        .on(api::ListQueueTags, on_queue("sqs:listqueuetags"), tags::list_queue_tags)
        .on(api::ListQueues, access::list_queues(), queues::list_queues)
        .on(api::PurgeQueue, on_queue("sqs:purgequeue"), queues::purge_queue)
        .on(api::ReceiveMessage, on_queue("sqs:receivemessage"), messages::receive_message)
        .on(api::RemovePermission, on_queue("sqs:removepermission"), permissions::remove_permission)
        .on(api::SendMessage, on_queue("sqs:sendmessage"), messages::send_message)
        .on(api::SendMessageBatch, on_queue("sqs:sendmessage"), batches::send_message_batch)
        .on(
            api::SetQueueAttributes,
            on_queue("sqs:setqueueattributes"),
            queue_attributes::set_queue_attributes,
        )
        .on(api::StartMessageMoveTask, move_tasks::start_access(), move_tasks::start_message_move_task)
        .on(api::TagQueue, access::tag_queue(), tags::tag_queue)
        .on(api::UntagQueue, access::untag_queue(), tags::untag_queue)
}
