//! Tables, columns and alternate keys.

use serde_json::json;

use super::vendor::{Vendor, refused};

const CONTACT: &str = "EntityDefinitions(LogicalName='contact')";

#[tokio::test]
async fn tables_and_their_columns() {
    let vendor = Vendor::new();
    let reply = vendor.get("EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName eq 'appointment'").await;
    let row = &reply.body["value"][0];
    assert_eq!(
        (&row["EntitySetName"], &row["PrimaryIdAttribute"]),
        (&json!("appointments"), &json!("activityid"))
    );
    assert!(row.get("MetadataId").is_some() && row.get("SchemaName").is_none());
    let by_id = vendor
        .get(&format!(
            "EntityDefinitions({})",
            row["MetadataId"].as_str().unwrap()
        ))
        .await;
    assert_eq!(by_id.body["LogicalName"], "appointment");
    let strings = vendor
        .rows(&format!("{CONTACT}/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=LogicalName,MaxLength"))
        .await;
    let title = strings
        .iter()
        .find(|row| row["LogicalName"] == "jobtitle")
        .unwrap();
    assert_eq!(
        (&title["MaxLength"], title.as_object().unwrap().len()),
        (&json!(100), 4)
    );
    let choices = "EntityDefinitions(LogicalName='task')/Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet";
    let status = &vendor.rows(choices).await[0];
    assert_eq!(status["OptionSet"]["Options"].as_array().unwrap().len(), 6);
    assert_eq!(status["OptionSet"]["Options"][4]["State"], 2);
    let filter = format!(
        "{CONTACT}/Attributes?$filter=AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Memo' and IsValidForCreate eq true"
    );
    let memos = vendor.rows(&filter).await;
    assert_eq!(memos.len(), 1);
    assert_eq!(
        memos[0]["DisplayName"]["UserLocalizedLabel"]["Label"],
        "Description"
    );
    let one = vendor
        .get(&format!(
            "{CONTACT}/Attributes(LogicalName='emailaddress1')"
        ))
        .await
        .body;
    assert_eq!(
        (&one["Format"], &one["RequiredLevel"]["Value"]),
        (&json!("Email"), &json!("None"))
    );
    let cast = format!("{CONTACT}/Attributes/Microsoft.Dynamics.CRM.EnumAttributeMetadata");
    refused(&vendor.get(&cast).await, 404, "0x80060888");
    refused(
        &vendor.get("EntityDefinitions(LogicalName='car')").await,
        404,
        "0x80060888",
    );
    let whole = vendor.get(&format!("{CONTACT}?$select=LogicalName&$expand=Attributes($select=LogicalName;$filter=IsPrimaryId eq true)")).await;
    assert_eq!(whole.body["Attributes"][0]["LogicalName"], "contactid");
}

#[tokio::test]
async fn an_alternate_key_is_made_and_used() {
    let vendor = Vendor::new();
    let label = json!({ "LocalizedLabels": [{ "Label": "External id", "LanguageCode": 1033 }] });
    let column = json!({ "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "hub_ExternalId",
        "MaxLength": 36, "DisplayName": label });
    let made = vendor
        .call(
            "POST",
            &format!("{CONTACT}/Attributes"),
            &[],
            column.clone(),
        )
        .await;
    assert_eq!(made.status, 204, "{}", made.text);
    refused(
        &vendor
            .call("POST", &format!("{CONTACT}/Attributes"), &[], column)
            .await,
        400,
        "0x80044363",
    );
    let bare = json!({ "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "Externalid" });
    refused(
        &vendor
            .call("POST", &format!("{CONTACT}/Attributes"), &[], bare)
            .await,
        400,
        "0x8004f026",
    );
    let at = "contacts(hub_externalid='abc')";
    refused(
        &vendor.patch(at, &[], json!({ "lastname": "Key" })).await,
        400,
        "0x80060890",
    );
    let key = json!({ "SchemaName": "hub_key", "KeyAttributes": ["hub_externalid"] });
    assert_eq!(
        vendor
            .call("POST", &format!("{CONTACT}/Keys"), &[], key)
            .await
            .status,
        204
    );
    let status =
        async || vendor.rows(&format!("{CONTACT}/Keys")).await[0]["EntityKeyIndexStatus"].clone();
    assert_eq!(status().await, "Pending");
    vendor.caller.wait(30);
    assert_eq!(status().await, "Active");
    assert_eq!(
        vendor
            .patch(at, &[], json!({ "lastname": "Key" }))
            .await
            .status,
        204
    );
    assert_eq!(
        vendor
            .patch(at, &[], json!({ "lastname": "Changed" }))
            .await
            .status,
        204
    );
    assert_eq!(vendor.get(at).await.body["lastname"], "Changed");
    let twin = json!({ "lastname": "Twin", "hub_externalid": "abc" });
    refused(
        &vendor.call("POST", "contacts", &[], twin).await,
        412,
        "0x80060892",
    );
    refused(
        &vendor.get("contacts(hub_externalid='nobody')").await,
        404,
        "0x80060891",
    );
}

#[tokio::test]
async fn who_calls_and_which_version() {
    let vendor = Vendor::new();
    let who = vendor.get("WhoAmI()").await.body;
    let user = vendor
        .get(&format!("systemusers({})", who["UserId"].as_str().unwrap()))
        .await
        .body;
    assert_eq!(user["internalemailaddress"], "olivia@liveprompt.example");
    assert!(
        vendor.get("RetrieveVersion()").await.body["Version"]
            .as_str()
            .unwrap()
            .starts_with("9.2.")
    );
    let sets = vendor.get("").await.body;
    assert!(
        sets["value"]
            .as_array()
            .unwrap()
            .iter()
            .any(|set| set["name"] == "appointments")
    );
}
