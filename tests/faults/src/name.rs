//! The names of all calls on the path of a delivery: function, service, operation, purpose.
//!
//! `describe.rs` makes the text of a call from its request. A text that is not here stops the run that made
//! it, and a name that no run of a stage made stops the stage: so a new call is one line here.

macro_rules! names {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// A call. Those to a CRM or receiver bear no name of it: which one it is says the run.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $(#[doc = $text] $name),*
        }

        impl Name {
            /// Every name.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What it is called in figures.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            /// The name of a text, if there is one.
            pub fn of(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    IngestGetItemOrg = "ingest.dynamodb.GetItem.org",
    IngestGetItemSession = "ingest.dynamodb.GetItem.session",
    IngestPutItemEvent = "ingest.dynamodb.PutItem.event",
    IngestUpdateItemSession = "ingest.dynamodb.UpdateItem.session",
    IngestAnswer = "ingest.http.answer",
    IngestGetSecretValueData = "ingest.secrets.GetSecretValue.data",
    IngestGetSecretValuePlatform = "ingest.secrets.GetSecretValue.platform",
    IngestSendMessageBatchEvents = "ingest.sqs.SendMessageBatch.events",
    DispatchGetItemEvent = "dispatch.dynamodb.GetItem.event",
    DispatchGetItemOrg = "dispatch.dynamodb.GetItem.org",
    DispatchGetItemSession = "dispatch.dynamodb.GetItem.session",
    DispatchPutItemEvent = "dispatch.dynamodb.PutItem.event",
    DispatchQueryConn = "dispatch.dynamodb.Query.conn",
    DispatchQueryHook = "dispatch.dynamodb.Query.hook",
    DispatchTransactWriteItemsUsage = "dispatch.dynamodb.TransactWriteItems.usage",
    DispatchUpdateItemSession = "dispatch.dynamodb.UpdateItem.session",
    DispatchAnswer = "dispatch.lambda.answer",
    DispatchGetSecretValueData = "dispatch.secrets.GetSecretValue.data",
    DispatchGetSecretValuePlatform = "dispatch.secrets.GetSecretValue.platform",
    DispatchChangeMessageVisibilityBatchEvents = "dispatch.sqs.ChangeMessageVisibilityBatch.events",
    DispatchSendMessageBatchDlq = "dispatch.sqs.SendMessageBatch.dlq",
    DispatchSendMessageBatchLive = "dispatch.sqs.SendMessageBatch.live",
    DeliverCrmLookup = "deliver.crm.lookup",
    DeliverCrmReadBack = "deliver.crm.read-back",
    DeliverCrmToken = "deliver.crm.token",
    DeliverCrmWrite = "deliver.crm.write",
    DeliverBatchExecuteStatementClaimAgain = "deliver.dynamodb.BatchExecuteStatement.claim.again",
    DeliverBatchExecuteStatementClaimFirst = "deliver.dynamodb.BatchExecuteStatement.claim.first",
    DeliverBatchExecuteStatementSettle = "deliver.dynamodb.BatchExecuteStatement.settle",
    DeliverBatchGetItemSession = "deliver.dynamodb.BatchGetItem.session",
    DeliverGetItemConn = "deliver.dynamodb.GetItem.conn",
    DeliverGetItemEvent = "deliver.dynamodb.GetItem.event",
    DeliverGetItemHook = "deliver.dynamodb.GetItem.hook",
    DeliverPutItemConn = "deliver.dynamodb.PutItem.conn",
    DeliverPutItemHook = "deliver.dynamodb.PutItem.hook",
    DeliverGetItemLimit = "deliver.dynamodb.GetItem.limit",
    DeliverGetItemMap = "deliver.dynamodb.GetItem.map",
    DeliverGetItemOrg = "deliver.dynamodb.GetItem.org",
    DeliverGetItemToken = "deliver.dynamodb.GetItem.token",
    DeliverGetItemUsage = "deliver.dynamodb.GetItem.usage",
    DeliverPutItemLimit = "deliver.dynamodb.PutItem.limit",
    DeliverQueryConn = "deliver.dynamodb.Query.conn",
    DeliverQueryHook = "deliver.dynamodb.Query.hook",
    DeliverTransactWriteItemsUsage = "deliver.dynamodb.TransactWriteItems.usage",
    DeliverUpdateItemDlvHold = "deliver.dynamodb.UpdateItem.dlv.hold",
    DeliverUpdateItemTokenBegin = "deliver.dynamodb.UpdateItem.token.begin",
    DeliverUpdateItemTokenPause = "deliver.dynamodb.UpdateItem.token.pause",
    DeliverUpdateItemTokenFinish = "deliver.dynamodb.UpdateItem.token.finish",
    DeliverUpdateItemUsage = "deliver.dynamodb.UpdateItem.usage",
    DeliverAnswer = "deliver.lambda.answer",
    DeliverWebhookPost = "deliver.webhook.post",
    DeliverGetSecretValueCredentials = "deliver.secrets.GetSecretValue.credentials",
    DeliverGetSecretValueData = "deliver.secrets.GetSecretValue.data",
    DeliverGetSecretValuePlatform = "deliver.secrets.GetSecretValue.platform",
    DeliverChangeMessageVisibilityBatchBulk = "deliver.sqs.ChangeMessageVisibilityBatch.bulk",
    DeliverChangeMessageVisibilityBatchLive = "deliver.sqs.ChangeMessageVisibilityBatch.live",
    DeliverSendMessageBatchDlq = "deliver.sqs.SendMessageBatch.dlq",
    BatchDeleteItemUnsealed = "batch.dynamodb.DeleteItem.unsealed",
    BatchDeleteItemUsage = "batch.dynamodb.DeleteItem.usage",
    BatchGetItemAudit = "batch.dynamodb.GetItem.audit",
    BatchGetItemConn = "batch.dynamodb.GetItem.conn",
    BatchGetItemDlv = "batch.dynamodb.GetItem.dlv",
    BatchGetItemEvid = "batch.dynamodb.GetItem.evid",
    BatchGetItemOrg = "batch.dynamodb.GetItem.org",
    BatchGetItemToken = "batch.dynamodb.GetItem.token",
    BatchPutItemAudit = "batch.dynamodb.PutItem.audit",
    BatchPutItemDaily = "batch.dynamodb.PutItem.daily",
    BatchPutItemEvent = "batch.dynamodb.PutItem.event",
    BatchPutItemNotice = "batch.dynamodb.PutItem.notice",
    BatchPutItemUsage = "batch.dynamodb.PutItem.usage",
    BatchQueryAudit = "batch.dynamodb.Query.audit",
    BatchQueryConn = "batch.dynamodb.Query.conn",
    BatchQueryDaily = "batch.dynamodb.Query.daily",
    BatchQueryHeld = "batch.dynamodb.Query.held",
    BatchQueryHook = "batch.dynamodb.Query.hook",
    BatchQueryUnsealed = "batch.dynamodb.Query.unsealed",
    BatchTransactWriteItemsAudit = "batch.dynamodb.TransactWriteItems.audit",
    BatchTransactWriteItemsUsage = "batch.dynamodb.TransactWriteItems.usage",
    BatchUpdateItemDaily = "batch.dynamodb.UpdateItem.daily",
    BatchUpdateItemDlvUnhold = "batch.dynamodb.UpdateItem.dlv.unhold",
    BatchAnswer = "batch.lambda.answer",
    BatchGetSecretValueData = "batch.secrets.GetSecretValue.data",
    BatchGetSecretValuePlatform = "batch.secrets.GetSecretValue.platform",
    BatchSendMessageBatchBulk = "batch.sqs.SendMessageBatch.bulk",
    BatchSendMessageBatchLive = "batch.sqs.SendMessageBatch.live",
}

impl Name {
    /// Whether it is a call that may change something at a CRM. A message to a webhook is no such: it replaces
    /// nothing.
    pub fn is_write(self) -> bool {
        self.text().ends_with(".crm.write")
    }

    /// Whether what is written, and what is known of it, depends on this call.
    pub fn decides(self) -> bool {
        let text = self.text();
        self.is_delivering()
            && ["claim", "settle", ".crm.", ".webhook."]
                .iter()
                .any(|part| text.contains(part))
    }

    /// Whether it may change something somewhere. A call that only reads is struck in fewer ways: that nobody
    /// hears what it did is that it failed, and who dies at it dies after the last change before it.
    pub fn changes(self) -> bool {
        const READS: [&str; 4] = ["GetItem", "Query", "GetSecretValue", "crm."];
        let text = self.text();
        let reads = READS.iter().any(|read| text.contains(read));
        !reads || self.is_write() || self == Self::DeliverCrmToken
    }

    /// Whether it is made by what delivers.
    pub fn is_delivering(self) -> bool {
        self.text().starts_with("deliver.")
    }

    /// Whether it is made by what runs by the clock.
    pub fn is_scheduled(self) -> bool {
        self.text().starts_with("batch.")
    }

    /// Whether it is a call to a queue.
    pub fn is_queue(self) -> bool {
        self.text().contains(".sqs.")
    }

    /// Whether it is the answer of a function and not a call of its: what can go wrong with that is that
    /// nobody hears it.
    pub fn is_answer(self) -> bool {
        self.text().ends_with(".answer")
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}
