//! Answers to Flux: tables as CSV, with a header over each: pure.
//!
//! A cell that is empty is null: what Gatepost keeps is never an empty text. A question that fails in
//! the middle ends with a table whose columns are `error` and `reference`.

use super::client::QueryError;

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    header: &'a csv::StringRecord,
    cells: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    /// A cell; none where it is null, or where there is no such column.
    pub(super) fn get(&self, column: &str) -> Option<&'a str> {
        let at = self.header.iter().position(|name| name == column)?;
        self.cells.get(at).filter(|cell| !cell.is_empty())
    }

    /// A cell that must be there.
    pub(super) fn need(&self, column: &str) -> Result<&'a str, QueryError> {
        let missing = || QueryError::Refused(format!("the answer has a row without `{column}`"));
        self.get(column).ok_or_else(missing)
    }

    /// A number that must be there.
    pub(super) fn number<T: std::str::FromStr>(&self, column: &str) -> Result<T, QueryError> {
        let cell = self.need(column)?;
        let wrong = |_| QueryError::Refused(format!("`{column}` of a row is `{cell}`"));
        cell.parse().map_err(wrong)
    }

    /// A time that must be there, nanoseconds since 1970.
    pub(super) fn nanos(&self, column: &str) -> Result<i64, QueryError> {
        let cell = self.need(column)?;
        let read = chrono::DateTime::parse_from_rfc3339(cell).ok();
        read.and_then(|time| time.timestamp_nanos_opt())
            .ok_or_else(|| QueryError::Refused(format!("`{column}` of a row is `{cell}`")))
    }
}

/// Looks at each row of an answer.
pub(super) fn rows(
    answer: &str,
    mut each: impl FnMut(Row<'_>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(answer.as_bytes());
    let mut header = csv::StringRecord::new();
    let mut cells = csv::StringRecord::new();
    let unreadable = |error: csv::Error| QueryError::Refused(format!("the answer: {error}"));
    while reader.read_record(&mut cells).map_err(unreadable)? {
        let is_header = cells.get(1) == Some("result") || cells.get(0) == Some("error");
        let is_error = cells.get(1) == Some("error");
        if is_header || is_error {
            std::mem::swap(&mut header, &mut cells);
            continue;
        }
        if header.iter().any(|name| name == "error") {
            let row = Row {
                header: &header,
                cells: &cells,
            };
            return Err(QueryError::Refused(row.need("error")?.to_owned()));
        }
        each(Row {
            header: &header,
            cells: &cells,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Cells = (Option<String>, Option<String>);

    fn read(answer: &str) -> Result<Vec<Cells>, QueryError> {
        let mut found = Vec::new();
        rows(answer, |row| {
            let cell = |name| row.get(name).map(str::to_owned);
            found.push((cell("_value"), cell("unit")));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn tables_differ_and_nulls_are_none() {
        let answer = ",result,table,_time,_value,unit\r\n,n,0,2026-11-23T20:00:00Z,1,gate-1\r\n\
                      ,n,0,2026-11-23T20:00:01.000000007Z,,gate-2\r\n\r\n\
                      ,result,table,unit,_value\r\n,max,0,,\"a \"\"b\"\"\nc\"\r\n\r\n";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(answer).unwrap(),
            [
                (some("1"), some("gate-1")),
                (None, some("gate-2")),
                (some("a \"b\"\nc"), None),
            ]
        );
        let mut times = Vec::new();
        rows(answer, |row| {
            times.push(row.nanos("_time")?);
            Ok(())
        })
        .unwrap_err();
        assert_eq!(times[1] - times[0], 1_000_000_007);
        assert_eq!(read("\r\n").unwrap(), []);
    }

    #[test]
    fn an_error_in_the_middle_is_one() {
        let answer =
            ",result,table,_value\r\n,n,0,1\r\n\r\nerror,reference\r\nout of memory,897\r\n";
        assert_eq!(
            read(answer),
            Err(QueryError::Refused("out of memory".to_owned()))
        );
        let annotated =
            ",result,table,_value\r\n,n,0,1\r\n\r\n,error,reference\r\n,no such column,\r\n";
        assert_eq!(
            read(annotated),
            Err(QueryError::Refused("no such column".to_owned()))
        );
    }
}
