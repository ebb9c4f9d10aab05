//! A sort that went to disk.

use super::indexable::{plain_column, sort_keys};
use super::support::{Hit, NodeKind, Tip, TipInput, Topic, own, work_mem_for};

pub(super) static TIP: Tip = Tip {
    number: 12,
    id: "sort-spill",
    title: "a sort that spills to disk",
    why: "Rows that do not fit in work_mem are written to disk and read again.",
    wrong: "it is one large report: SET LOCAL work_mem is enough, and a higher work_mem for all sessions may exhaust the memory.",
    source: "explain.depesz.com; Pg::Explain; PostgreSQL manual: work_mem",
    topic: Topic::Sort,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Sort, NodeKind::IncrementalSort])
        .filter_map(|(id, node)| {
            let sorted = node.sorted.as_ref().filter(|sorted| sorted.is_on_disk)?;
            let keys = node.sort_key();
            let found = sort_keys(seen, &keys);
            let index = found.as_ref().map(|(table, keys)| match table {
                Some(table) => format!("an index on {table} ({keys})"),
                None => format!("an index on ({keys})"),
            });
            let or_index = index.as_ref().map(|index| format!(", or {index}")).unwrap_or_default();
            // In memory a row takes up to three times its room on disk.
            let advice = format!("set work_mem to {} for this statement{or_index}", work_mem_for(sorted.space.0 * 3.0));
            let hit = Hit::at(id, format!("sort spills {} to disk", sorted.space), advice, own(node));
            let table = found.and_then(|(table, _)| table);
            Some(hit.naming(index, table.as_deref()).in_order(keys.first().map(|key| plain_column(key))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_sort_on_disk_advises_more_work_mem() {
        check(
            &TIP,
            r#"{"Node Type":"Sort","Sort Key":["created"],"Sort Space Type":"Disk","Sort Space Used":20480}"#,
            "sort spills 20 MB to disk: set work_mem to 64MB for this statement, or an index on (created)",
        );
    }

    #[test]
    fn no_index_is_named_over_two_tables_or_on_an_expression() {
        for keys in [r#""o.created","c.name""#, r#""(lower(o.name))""#, r#""(o.a + c.b)""#, r#""(random())""#] {
            let text = format!(
                r#"{{"Node Type":"Sort","Sort Key":[{keys}],"Sort Space Type":"Disk","Sort Space Used":20480,"Plans":[{{"Node Type":"Nested Loop","Plans":[
                {{"Node Type":"Seq Scan","Relation Name":"o","Alias":"o"}},{{"Node Type":"Seq Scan","Relation Name":"c","Alias":"c"}}]}}]}}"#
            );
            check(&TIP, &text, "sort spills 20 MB to disk: set work_mem to 64MB for this statement");
        }
    }

    #[test]
    fn a_sort_that_just_fits_is_not_told() {
        check(
            &TIP,
            r#"{"Node Type":"Sort","Sort Key":["created"],"Sort Method":"quicksort","Sort Space Type":"Memory","Sort Space Used":4096}"#,
            "",
        );
    }

    #[test]
    fn a_sort_without_figures_is_not_told() {
        check(&TIP, r#"{"Node Type":"Sort","Sort Key":["created"]}"#, "");
    }
}
