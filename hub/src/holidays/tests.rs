use super::*;

/// Two events as calendars of China have them, folded, with an alarm, a festival and a time zone.
const DECREE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Asia/Shanghai\r\n\
    BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
    BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261001\r\nDTEND;VALUE=DATE:20261008\r\n\
    SUMMARY;LANGUAGE=zh_CN:国庆节\r\n （休）\r\nX-APPLE-SPECIAL-DAY:WORK-HOLIDAY\r\n\
    BEGIN:VALARM\r\nTRIGGER:-PT1H\r\nSUMMARY:上班\r\nEND:VALARM\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261010\r\nSUMMARY:国庆节（班）\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260214\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:情人节\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn read(text: &str) -> Holidays {
    parse(text, Unmarked::Festivals).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The lines of the mistakes.
fn wrong(text: &str) -> Vec<usize> {
    let mistakes = parse(text, Unmarked::Festivals).unwrap_err();
    mistakes.iter().map(|mistake| mistake.line).collect()
}

fn event(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n")
}

fn all(holidays: &Holidays, kind: Kind) -> Vec<NaiveDate> {
    let of_kind = holidays.days.iter().filter(|(_, (it, _))| *it == kind);
    of_kind.map(|(date, _)| *date).collect()
}

#[test]
fn a_published_calendar_gives_its_holidays_and_make_up_days() {
    let holidays = read(DECREE);
    let week: Vec<_> = date("2026-10-01").iter_days().take(7).collect();
    assert_eq!(all(&holidays, Kind::Holiday), week);
    assert_eq!(all(&holidays, Kind::Work), [date("2026-10-10")]);
    assert_eq!(holidays.days[&week[6]].1, "国庆节（休）");
    assert_eq!(holidays.left_out, [(24, "情人节".to_owned())]);
}

#[test]
fn publishers_mark_in_several_ways() {
    let cases = [
        ("国庆节假期", Kind::Holiday),
        ("上班(补国庆节)", Kind::Work),
        ("春节 补班 第1天/共2天", Kind::Work),
        ("春节 假期 第1天/共8天", Kind::Holiday),
        ("元旦[休]", Kind::Holiday),
        ("清明节 班", Kind::Work),
        ("调休上班", Kind::Work),
        ("Working day for Spring Festival holiday", Kind::Work),
        ("Bank Holiday", Kind::Holiday),
    ];
    for (summary, kind) in cases {
        let holidays = read(&event(&format!("DTSTART:20270101\nSUMMARY:{summary}")));
        assert_eq!(all(&holidays, kind), [date("2027-01-01")], "{summary}");
    }
    // A festival of Lu Ban, and a word that is said of both.
    for summary in ["鲁班节", "国庆节调休"] {
        wrong(&event(&format!("DTSTART:20270101\nSUMMARY:{summary}")));
    }
}

#[test]
fn a_calendar_without_marks_is_taken_if_somebody_vouches_for_it() {
    let text = event("DTSTART;VALUE=DATE:20270101\nSUMMARY:New Year");
    assert_eq!(wrong(&text), [1]);
    let holidays = parse(&text, Unmarked::Holidays).unwrap();
    assert_eq!(all(&holidays, Kind::Holiday), [date("2027-01-01")]);
}

#[test]
fn whole_days_are_written_in_several_ways() {
    let two = [date("2026-12-31"), date("2027-01-01")];
    for lines in [
        "DTSTART:20261231\nDTEND:20270102",
        "DTSTART;VALUE=DATE:20261231\nDURATION:P2D",
        "DTSTART:20261231T000000\nDTEND:20270102T000000",
        "dtstart:20261231\ndtend:20270102",
    ] {
        let holidays = read(&event(&format!("{lines}\nSUMMARY:元旦（休）")));
        assert_eq!(all(&holidays, Kind::Holiday), two, "{lines}");
    }
    let cancelled =
        "SUMMARY:元旦（休）\nDTSTART:20270104\nSTATUS:CANCELLED\nEND:VEVENT\nBEGIN:VEVENT";
    let text = event(&format!(
        "{cancelled}\nDTSTART:20270101\nSUMMARY:元旦（休）"
    ));
    assert_eq!(all(&read(&text), Kind::Holiday), two[1..]);
}

#[test]
fn every_event_that_cannot_be_understood_is_told_by_its_line() {
    let text = "BEGIN:VCALENDAR\n\
        BEGIN:VEVENT\nSUMMARY:a（休）\nDTSTART:20270101\nRRULE:FREQ=YEARLY\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:b（休）\nDTSTART:20270201T090000\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:c（休）\nDTSTART:20270301\nDTEND:20270301\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:d（休）\nDTSTART:20270401\nDTEND:20270701\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:e（休）\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:f（休）\nDTSTART:20270501\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:g（班）\nDTSTART:20270501\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:h调休\nDTSTART:20270601\nEND:VEVENT\n\
        what is this\nEND:VCALENDAR\n";
    assert_eq!(wrong(text), [5, 9, 14, 19, 21, 28, 33, 36]);
    assert_eq!(wrong("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n"), [3]);
    assert_eq!(wrong("BEGIN:VCALENDAR\n"), [1]);
}

#[test]
fn a_table_is_read_or_refused_by_its_lines() {
    let holidays = read("Date,kind,name\n2027-01-01,holiday,元旦\n\n2027/1/9,班\n20270102,休,\n");
    assert_eq!(
        all(&holidays, Kind::Holiday),
        ["2027-01-01", "2027-01-02"].map(date)
    );
    assert_eq!(all(&holidays, Kind::Work), [date("2027-01-09")]);
    let text = "date,kind\n2027-02-29,holiday\n\n2027-01-01,feast\n1027-01-01,work\n\
        2027-01-02,work\n2027-01-02,holiday\n";
    assert_eq!(wrong(text), [2, 4, 5, 7]);
    for nothing in ["", "date,kind\n", "day,what\n2027-01-01,holiday\n"] {
        assert_eq!(wrong(nothing), [1]);
    }
}

#[test]
fn texts_are_read_in_the_encodings_that_calendars_have() {
    let table = "date,kind,name\n2027-01-01,休,元旦\n";
    let (in_gb18030, _, _) = GB18030.encode(table);
    assert_eq!(decode(&in_gb18030).unwrap(), table);
    assert_eq!(
        decode(format!("\u{feff}{table}").as_bytes()).unwrap(),
        table
    );
    let utf_16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(table.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(decode(&utf_16).unwrap(), table);
    assert_eq!(decode(&[0xff, 0x00, 0xff]), None);

    // Folded within a character.
    let whole = event("SUMMARY:元旦（休）\nDTSTART:20270101");
    let cut = whole.find('旦').unwrap() + 1;
    let folded = [&whole.as_bytes()[..cut], b"\r\n ", &whole.as_bytes()[cut..]].concat();
    let holidays = read(&decode(&folded).unwrap());
    assert_eq!(holidays.days[&date("2027-01-01")].1, "元旦（休）");
}

fn merged(before: [&[&str]; 2], table: &str) -> (Site, Vec<String>) {
    let name = gatepost_model::site::Name {
        zh: "一号".to_owned(),
        en: "One".to_owned(),
    };
    let mut site = Site::new("s".parse().unwrap(), "Asia/Shanghai".to_owned(), name);
    site.holidays = before[0].iter().map(|it| date(it)).collect();
    site.work_days = before[1].iter().map(|it| date(it)).collect();
    let changes = read(&format!("date,kind\n{table}")).merge_into(&mut site);
    let told = changes.iter().map(|change| {
        let sign = if change.comes { '+' } else { '-' };
        format!("{sign}{} {}", change.date, change.kind.as_str())
    });
    (site, told.collect())
}

#[test]
fn years_that_the_file_has_replace_those_of_before() {
    let before: [&[&str]; 2] = [&["2026-10-01", "2027-01-01", "2027-01-04"], &["2027-01-09"]];
    let (site, told) = merged(before, "2027-01-01,holiday\n2027-01-04,work\n");
    let holidays = ["2026-10-01", "2027-01-01"].map(date);
    assert_eq!(site.holidays, holidays.into());
    assert_eq!(site.work_days, [date("2027-01-04")].into());
    let changes = [
        "-2027-01-04 holiday",
        "+2027-01-04 work",
        "-2027-01-09 work",
    ];
    assert_eq!(told, changes);
    let (again, told) = merged([&["2027-01-01"], &[]], "2027-01-01,holiday\n");
    assert_eq!((again.holidays.len(), told.len()), (1, 0));
}

#[test]
fn a_year_that_begins_in_december_leaves_the_year_before() {
    let before: [&[&str]; 2] = [&["2026-10-01", "2027-05-01"], &["2026-12-31"]];
    let (site, told) = merged(before, "2026-12-31,holiday\n2027-01-01,holiday\n");
    let holidays = ["2026-10-01", "2026-12-31", "2027-01-01"].map(date);
    assert_eq!(site.holidays, holidays.into());
    assert_eq!(site.work_days, [].into());
    assert_eq!(told.len(), 4, "{told:?}");
}
