//! Rows as they leave: selected columns, annotations, expanded records, pages.

use serde_json::{Map, Value, json};

use super::{Options, Prefer};
use crate::dynamics365::environment::{Environment, Row};
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::dynamics365::schema::{Column, Table, Type};

const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
const LOOKUP: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";
const NAVIGATION: &str = "Microsoft.Dynamics.CRM.associatednavigationproperty";
/// What `$count` counts at most.
const MOST_COUNTED: usize = 5_000;

impl Environment {
    /// The rows of a table that pass, in order.
    pub(crate) fn found<'a>(
        &'a self,
        table: &Table,
        among: impl Iterator<Item = &'a Row>,
        options: &Options,
    ) -> Outcome<Vec<&'a Row>> {
        self.check(table, options)?;
        let mut rows = Vec::new();
        for row in among {
            let passes = match &options.filter {
                Some(filter) => self.passes(table, row, filter)?,
                None => true,
            };
            if passes {
                rows.push(row);
            }
        }
        for (path, descends) in options.orderby.iter().rev() {
            let key = |row: &&Row| {
                let value = self.at(table, row, path).ok().and_then(|(_, value)| value);
                let value = value.unwrap_or_default();
                let text = value.as_str().unwrap_or_default().to_lowercase();
                (value.as_f64().unwrap_or(f64::MIN), text)
            };
            rows.sort_by(|a, b| {
                let order = key(a).partial_cmp(&key(b));
                let order = order.unwrap_or(std::cmp::Ordering::Equal);
                if *descends { order.reverse() } else { order }
            });
        }
        Ok(rows)
    }

    /// A filter is wrong even where no row is there to try it on.
    fn check(&self, table: &Table, options: &Options) -> Outcome<()> {
        let nothing = Row {
            values: std::collections::BTreeMap::new(),
            version: 0,
        };
        if let Some(filter) = &options.filter {
            self.tried(table, &nothing, filter)?;
        }
        for (path, _) in &options.orderby {
            self.at(table, &nothing, path)?;
        }
        for name in options.select.iter().flatten() {
            if table.readable(name).is_none() {
                return Err(Refusal::no_property(name, &table.name));
            }
        }
        Ok(())
    }

    /// Tries each comparison of a filter, whichever of them would decide.
    fn tried(&self, table: &Table, row: &Row, filter: &super::Filter) -> Outcome<()> {
        use super::Filter::{And, Not, Or};
        match filter {
            And(a, b) | Or(a, b) => {
                self.tried(table, row, a)?;
                self.tried(table, row, b)
            }
            Not(inner) => self.tried(table, row, inner),
            leaf => self.passes(table, row, leaf).map(drop),
        }
    }

    /// A row as it leaves, without its context.
    pub(crate) fn shown(
        &self,
        table: &Table,
        row: &Row,
        options: &Options,
        prefer: &Prefer,
    ) -> Outcome<Map<String, Value>> {
        let mut shown = Map::new();
        shown.insert("@odata.etag".to_owned(), json!(row.etag()));
        let all = Self::columns(table, row);
        let wanted: Vec<&Column> = match &options.select {
            Some(names) => names
                .iter()
                .map(|name| {
                    let column = table.readable(name);
                    column.ok_or_else(|| Refusal::no_property(name, &table.name))
                })
                .collect::<Outcome<_>>()?,
            None => table
                .columns
                .iter()
                .filter(|c| c.is != Type::PartyList)
                .collect(),
        };
        for column in wanted {
            let name = column.value_name();
            let value = all.get(&name).cloned().unwrap_or_default();
            self.annotate(table, row, column, &value, prefer, &mut shown);
            shown.insert(name, value);
        }
        // The id is always there.
        shown.insert(
            table.id.clone(),
            all.get(&table.id).cloned().unwrap_or_default(),
        );
        for (name, inner) in &options.expand {
            let value = self.expanded(table, row, name, inner, prefer)?;
            shown.insert(name.clone(), value);
        }
        Ok(shown)
    }

    fn annotate(
        &self,
        table: &Table,
        row: &Row,
        column: &Column,
        value: &Value,
        prefer: &Prefer,
        shown: &mut Map<String, Value>,
    ) {
        if value.is_null() || prefer.annotations.is_empty() {
            return;
        }
        let name = column.value_name();
        let mut add = |annotation: &str, text: String| {
            if prefer.annotates(annotation) {
                shown.insert(format!("{name}@{annotation}"), json!(text));
            }
        };
        if let Some((to, id)) = row.reference(&column.name) {
            if let Some(target) = self.schema.table(to) {
                let label = self.row(to, id).map(|row| row.text(&target.primary));
                add(FORMATTED, label.unwrap_or_default().to_owned());
            }
            add(LOOKUP, to.to_owned());
            let navigation = table
                .navigations()
                .find(|(_, known, target)| known.name == column.name && *target == to);
            if let Some((navigation, ..)) = navigation {
                add(NAVIGATION, navigation);
            }
            return;
        }
        let number = value.as_i64().or(value.as_bool().map(i64::from));
        let choice = column.choices.iter().find(|c| Some(c.value) == number);
        match (choice, column.is) {
            (Some(choice), _) => add(FORMATTED, choice.label.clone()),
            (None, Type::DateTime | Type::Date) => {
                add(FORMATTED, value.as_str().unwrap_or_default().to_owned());
            }
            (None, Type::Money) => add(
                FORMATTED,
                format!("${:.2}", value.as_f64().unwrap_or_default()),
            ),
            (None, Type::Integer) => add(FORMATTED, value.to_string()),
            _ => {}
        }
    }

    /// The record or the records behind a navigation property.
    fn expanded(
        &self,
        table: &Table,
        row: &Row,
        name: &str,
        options: &Options,
        prefer: &Prefer,
    ) -> Outcome<Value> {
        if let Some((column, targets)) = table.navigation(name) {
            let target = targets.first().and_then(|target| self.schema.table(target));
            let target = target.ok_or_else(|| Refusal::no_property(name, &table.name))?;
            self.check(target, options)?;
            let to = row
                .reference(&column.name)
                .filter(|(to, _)| *to == target.name);
            return match to.and_then(|(to, id)| self.row(to, id)) {
                Some(to) => Ok(Value::Object(self.shown(target, to, options, prefer)?)),
                None => Ok(Value::Null),
            };
        }
        let rows = self.related(table, row, name)?;
        let (target, rows) = rows.ok_or_else(|| Refusal::no_property(name, &table.name))?;
        let found = self.found(&target, rows.into_iter(), options)?;
        let most = options.top.unwrap_or(usize::MAX);
        let shown = found
            .into_iter()
            .take(most)
            .map(|row| Ok(Value::Object(self.shown(&target, row, options, prefer)?)))
            .collect::<Outcome<Vec<Value>>>()?;
        Ok(Value::Array(shown))
    }

    /// The rows of a collection of a record.
    pub(crate) fn related(
        &self,
        table: &Table,
        row: &Row,
        name: &str,
    ) -> Outcome<Option<(Table, Vec<&Row>)>> {
        let Some((target, column)) = self.schema.collection(table, name) else {
            return Ok(None);
        };
        let target = self.set(&target.set)?;
        let own = row.text(&table.id);
        let leads_here = |row: &&Row| {
            row.reference(&column)
                .is_some_and(|(to, id)| to == table.name && id == own)
        };
        let rows = self
            .rows(&target.name)
            .map(|(_, row)| row)
            .filter(leads_here);
        let rows = rows.collect();
        Ok(Some((target, rows)))
    }

    /// A page of rows, with the address of the next one. `address` is the request's own, without a token.
    pub(crate) fn page(
        &self,
        table: &Table,
        rows: &[&Row],
        options: &Options,
        prefer: &Prefer,
        address: &str,
    ) -> Outcome<Value> {
        let mut body = Map::new();
        let selected = match &options.select {
            Some(names) => format!("({})", names.join(",")),
            None => String::new(),
        };
        let context = format!(
            "{}/api/data/v9.2/$metadata#{}{selected}",
            self.base_url, table.set
        );
        body.insert("@odata.context".to_owned(), json!(context));
        if options.count {
            body.insert(
                "@odata.count".to_owned(),
                json!(rows.len().min(MOST_COUNTED)),
            );
        }
        let most = options.top.unwrap_or(usize::MAX);
        // `$top` is one page, whatever size pages have.
        let size = if options.top.is_some() {
            most
        } else {
            prefer.page_size()
        };
        let shown = rows.iter().skip(options.skip).take(size);
        let shown = shown
            .map(|row| Ok(Value::Object(self.shown(table, row, options, prefer)?)))
            .collect::<Outcome<Vec<Value>>>()?;
        let until = options.skip + shown.len();
        body.insert("value".to_owned(), Value::Array(shown));
        if options.top.is_none() && until < rows.len() {
            let joint = if address.contains('?') { '&' } else { '?' };
            let next = format!("{address}{joint}$skiptoken={until}");
            body.insert("@odata.nextLink".to_owned(), json!(next));
        }
        Ok(Value::Object(body))
    }
}
