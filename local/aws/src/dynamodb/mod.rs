//! DynamoDB: dynoxide behind the JSON protocol.
//!
//! The library's own dispatcher is private, so this is a match over the operations we use. Calls are synchronous
//! (0.15 to 1 ms) and run inline: no virtual time passes. Every metered request is made to report its capacity,
//! whether the client asked for it or not ([`metering`]).

mod metering;

use std::collections::BTreeMap;
use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call::{Answer, Call, Service};
use crate::clock::{Clock, TableClock};
use crate::error::Error;
use metering::Meter;
pub(crate) use metering::Units;

pub(crate) struct DynamoDb {
    db: Database,
}

/// Why a call got no answer of its own.
enum Refusal {
    Failed(DynoxideError),
    UnknownOperation,
}

impl From<DynoxideError> for Refusal {
    fn from(error: DynoxideError) -> Self {
        Self::Failed(error)
    }
}

impl DynamoDb {
    pub(crate) fn new(clock: &Clock) -> Result<Self, Error> {
        let clock = Arc::new(TableClock(clock.clone()));
        let db = Database::memory_with_clock(clock).map_err(Error::Database)?;
        Ok(Self { db })
    }

    pub(crate) fn call(&self, call: &Call) -> (Answer, Units) {
        let Ok(Value::Object(body)) = serde_json::from_slice(&call.body) else {
            let body = json!({ "__type": "com.amazon.coral.service#SerializationException" });
            return (
                Answer::json(Service::DynamoDb, 400, &body),
                Units::default(),
            );
        };
        let (meter, body) = Meter::attach(&call.operation, body);
        match self.run(&call.operation, Value::Object(body)) {
            Ok(mut body) => {
                let units = meter.read_off(&mut body);
                (Answer::json(Service::DynamoDb, 200, &body), units)
            }
            Err(Refusal::UnknownOperation) => (Answer::unknown_operation(), Units::default()),
            Err(Refusal::Failed(error)) => {
                let error = in_its_own_shape(&call.operation, error);
                let mut body: Value = serde_json::from_str(&error.to_json()).unwrap_or_default();
                let units = meter.charge_failure(&error, &mut body);
                (
                    Answer::json(Service::DynamoDb, error.status_code(), &body),
                    units,
                )
            }
        }
    }

    pub(crate) fn sweep_ttl(&self) -> Result<usize, Error> {
        self.db.sweep_ttl().map_err(Error::Database)
    }

    /// All items of all tables.
    pub(crate) fn dump(&self) -> Result<BTreeMap<String, Vec<Value>>, Error> {
        let mut tables = BTreeMap::new();
        for table in self.pages(
            "ListTables",
            &json!({}),
            "TableNames",
            "LastEvaluatedTableName",
            "ExclusiveStartTableName",
        )? {
            let Some(table) = table.as_str() else {
                continue;
            };
            let scan = json!({ "TableName": table });
            let items = self.pages(
                "Scan",
                &scan,
                "Items",
                "LastEvaluatedKey",
                "ExclusiveStartKey",
            )?;
            tables.insert(table.to_owned(), items);
        }
        Ok(tables)
    }

    /// Writes an item, past every client.
    pub(crate) fn overwrite(&self, table: &str, item: &Value) -> Result<(), Error> {
        match self.run("PutItem", json!({ "TableName": table, "Item": item })) {
            Err(Refusal::Failed(error)) => Err(Error::Database(error)),
            Ok(_) | Err(Refusal::UnknownOperation) => Ok(()),
        }
    }

    /// Ends a table's stream.
    pub(crate) fn end_stream(&self, table: &str) -> Result<(), Error> {
        let off = json!({ "StreamEnabled": false });
        let request = json!({ "TableName": table, "StreamSpecification": off });
        match self.run("UpdateTable", request) {
            Err(Refusal::Failed(error)) => Err(Error::Database(error)),
            Ok(_) | Err(Refusal::UnknownOperation) => Ok(()),
        }
    }

    /// The records of a table's stream behind a sequence number. There is one shard.
    pub(crate) fn stream_records(
        &self,
        table: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Value>, Error> {
        let ask = |operation: &str, request: Value, answer: &str| match self.run(operation, request)
        {
            Ok(mut found) => Ok(found
                .pointer_mut(answer)
                .map(Value::take)
                .unwrap_or_default()),
            Err(Refusal::Failed(error)) => Err(Error::Database(error)),
            Err(Refusal::UnknownOperation) => Ok(Value::Null),
        };
        let request = json!({ "TableName": table });
        let arn = ask("DescribeTable", request, "/Table/LatestStreamArn")?;
        let request = json!({ "StreamArn": arn });
        let shard = ask(
            "DescribeStream",
            request,
            "/StreamDescription/Shards/0/ShardId",
        )?;
        let request = match after {
            Some(after) => json!({
                "StreamArn": arn, "ShardId": shard,
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after,
            }),
            None => json!({
                "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON",
            }),
        };
        let iterator = ask("GetShardIterator", request, "/ShardIterator")?;
        let request = json!({ "ShardIterator": iterator, "Limit": most });
        let Value::Array(mut records) = ask("GetRecords", request, "/Records")? else {
            return Ok(Vec::new());
        };
        for record in records.iter_mut().filter_map(Value::as_object_mut) {
            record.insert("eventSourceARN".to_owned(), arn.clone());
        }
        Ok(records)
    }

    fn pages(
        &self,
        operation: &str,
        request: &Value,
        list: &str,
        last_key: &str,
        start_key: &str,
    ) -> Result<Vec<Value>, Error> {
        let mut all = Vec::new();
        let mut request = request.clone();
        loop {
            let mut page = match self.run(operation, request.clone()) {
                Ok(page) => page,
                Err(Refusal::Failed(error)) => return Err(Error::Database(error)),
                Err(Refusal::UnknownOperation) => return Ok(all),
            };
            if let Some(Value::Array(found)) = page.get_mut(list).map(Value::take) {
                all.extend(found);
            }
            match (
                page.get_mut(last_key).map(Value::take),
                request.as_object_mut(),
            ) {
                (Some(key), Some(request)) if !key.is_null() => {
                    request.insert(start_key.to_owned(), key)
                }
                _ => return Ok(all),
            };
        }
    }

    fn run(&self, operation: &str, body: Value) -> Result<Value, Refusal> {
        let db = &self.db;
        let answer = match operation {
            "CreateTable" => typed(body, |r| db.create_table(r)),
            "DeleteTable" => typed(body, |r| db.delete_table(r)),
            "DescribeTable" => typed(body, |r| db.describe_table(r)),
            "UpdateTable" => typed(body, |r| db.update_table(r)),
            "ListTables" => typed(body, |r| db.list_tables(r)),
            "PutItem" => typed(body, |r| db.put_item(r)),
            "GetItem" => typed(body, |r| db.get_item(r)),
            "UpdateItem" => typed(body, |r| db.update_item(r)),
            "DeleteItem" => typed(body, |r| db.delete_item(r)),
            "Query" => typed(body, |r| db.query(r)),
            "Scan" => typed(body, |r| db.scan(r)),
            "BatchGetItem" => typed(body, |r| db.batch_get_item(r)),
            "BatchWriteItem" => typed(body, |r| db.batch_write_item(r)),
            "TransactWriteItems" => typed(body, |r| db.transact_write_items(r)),
            "TransactGetItems" => typed(body, |r| db.transact_get_items(r)),
            "ExecuteStatement" => typed(body, |r| db.execute_statement(r)),
            "BatchExecuteStatement" => typed(body, |r| db.batch_execute_statement(r)),
            "ExecuteTransaction" => typed(body, |r| db.execute_transaction(r)),
            "UpdateTimeToLive" => typed(body, |r| db.update_time_to_live(r)),
            "DescribeTimeToLive" => typed(body, |r| db.describe_time_to_live(r)),
            "ListStreams" => typed(body, |r| db.list_streams(r)),
            "DescribeStream" => typed(body, |r| db.describe_stream(r)),
            "GetShardIterator" => typed(body, |r| db.get_shard_iterator(r)),
            "GetRecords" => typed(body, |r| db.get_records(r)),
            "TagResource" => typed(body, |r| db.tag_resource(r)),
            "UntagResource" => typed(body, |r| db.untag_resource(r)),
            "ListTagsOfResource" => typed(body, |r| db.list_tags_of_resource(r)),
            _ => return Err(Refusal::UnknownOperation),
        };
        Ok(answer?)
    }
}

fn typed<Q, A>(
    body: Value,
    operation: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<Value>
where
    Q: DeserializeOwned,
    A: Serialize,
{
    let request = serde_json::from_value(body).map_err(|e| misread(&e.to_string()))?;
    let answer = operation(request)?;
    serde_json::to_value(answer).map_err(|e| DynoxideError::InternalServerError(e.to_string()))
}

/// dynoxide's request types mark in the message which of AWS's two errors a malformed request is.
fn misread(message: &str) -> DynoxideError {
    let (marker, rest) = message.split_once(':').unwrap_or(("", message));
    match marker {
        "SERIALIZATION" | "SERIALIZATION_AS_READ" => {
            DynoxideError::SerializationException(rest.to_owned())
        }
        "VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ" => {
            DynoxideError::ValidationException(rest.to_owned())
        }
        _ if message.contains("invalid type") && !message.contains("invalid type: null") => {
            DynoxideError::SerializationException(message.to_owned())
        }
        _ => DynoxideError::ValidationException(message.to_owned()),
    }
}

/// `ExecuteStatement` writes a failed condition that carries an item in a shape of its own.
fn in_its_own_shape(operation: &str, error: DynoxideError) -> DynoxideError {
    match (operation, error) {
        (
            "ExecuteStatement",
            DynoxideError::ConditionalCheckFailedException(message, Some(item)),
        ) => DynoxideError::StatementConditionalCheckFailed(message, item),
        (_, error) => error,
    }
}
