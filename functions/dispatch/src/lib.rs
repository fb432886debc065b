//! SQS: one message per connection and event.
