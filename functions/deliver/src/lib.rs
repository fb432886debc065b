//! SQS: plan, claim, apply, record. One binary, deployed once per CRM.
