//! Tests of the regions.

use super::super::pool::Heap;
use super::*;

fn made(base: usize, length: usize) -> NewMapping {
    NewMapping {
        by: By::Mmap,
        site: 1,
        base,
        length,
        prot: 3,
        flags: 0,
        placed: true,
        needs_check: false,
        file: None,
        time: 0,
    }
}

#[test]
fn two_failed_releases_come_back() {
    let mut regions = Box::new(Regions::<Heap>::new());
    let releaser = Releaser { by: By::Mremap, site: 2, time: 0 };
    regions.mapped(Range::new(39, 5), made(39, 5), None);
    regions.mapped(Range::new(3, 3), made(3, 3), None);
    let target = regions.release(Range::new(1, 3), releaser, None);
    let old = regions.release(Range::new(42, 3), releaser, None);
    assert_eq!((target.pieces, old.pieces), (1, 1));
    regions.put_back(target.release);
    regions.put_back(old.release);
    let all = [regions.at_or_after(0), regions.at_or_after(6)];
    assert_eq!(all.map(|entry| entry.map(|entry| (entry.start, entry.end))), [Some((3, 6)), Some((39, 44))]);
}

#[test]
fn a_hint_that_was_not_followed_is_remembered_with_its_mapping() {
    let mut regions = Box::new(Regions::<Heap>::new());
    regions.mapped(Range::new(900, 10), NewMapping { placed: false, ..made(900, 10) }, None);
    regions.requested_at(Range::new(400, 10), 400, Some(900));
    regions.mapped(Range::new(800, 5), NewMapping { placed: false, ..made(800, 5) }, None);
    let asked = |regions: &Regions<Heap>, at| regions.known(regions.at(at).unwrap()).unwrap().requested;
    assert_eq!((asked(&regions, 905), asked(&regions, 800)), (Requested::Address(400), Requested::Nothing));
    let meant = |regions: &Regions<Heap>, at| regions.meant_to_hold(at).map(|known| known.entry.start);
    assert_eq!([399, 400, 409, 410].map(|at| meant(&regions, at)), [None, Some(900), Some(900), None]);
    for other in 0..1000 {
        regions.mapped(Range::new(2000 + other, 1), NewMapping { placed: false, ..made(2000 + other, 1) }, None);
        regions.requested_at(Range::new(1, 1), 1, Some(2000 + other));
    }
    assert_eq!((asked(&regions, 905), meant(&regions, 400)), (Requested::Forgotten, None));
    regions.mapped(Range::new(900, 10), made(900, 10), None);
    assert_eq!(asked(&regions, 900), Requested::Address(900));
}

#[test]
fn a_move_outlives_any_number_of_other_releases() {
    let releaser = Releaser { by: By::Munmap, site: 2, time: 0 };
    for moves in [false, true] {
        let mut regions = Box::new(Regions::<Heap>::new());
        regions.mapped(Range::new(100, 5), NewMapping { prot: 1, ..made(100, 5) }, None);
        let old = regions.release(Range::new(100, 5), releaser, None);
        regions.open(old.release);
        for _ in 0..5000 {
            regions.mapped(Range::new(7, 1), made(7, 1), None);
            regions.release(Range::new(7, 1), releaser, None);
        }
        if moves {
            regions.moved(old.release, Range::new(100, 5), Range::new(200, 5), &made(200, 5), None);
        } else {
            regions.put_back(old.release);
        }
        let there = regions.at_or_after(50).map(|entry| (entry.start, entry.end, entry.prot));
        assert_eq!(there, Some(if moves { (200, 205, 1) } else { (100, 105, 1) }));
    }
}
