import os
import signal

import pytest
from native.child import Child, Died, Raised
from native.jobs import ALICE, GROUP, HPC, USER, held, job, job_of

PROBES = "native.probes.identity"

as_root = pytest.mark.skipif(os.getuid() != 0, reason="must be root to act for several users")


@as_root
def test_only_the_calling_thread_has_the_users_credentials(offline: Child) -> None:
    seen = offline.call(f"{PROBES}:seen_inside", ALICE, ALICE, [ALICE, HPC])
    assert seen["inside"] == [ALICE, ALICE, [ALICE, HPC]]
    assert seen["beside"] == seen["after"] == seen["before"]
    assert seen["before"][0] == 0


@as_root
def test_an_error_in_the_block_is_no_way_to_keep_the_identity(offline: Child) -> None:
    seen = offline.call(f"{PROBES}:after_an_error", ALICE, ALICE)
    assert seen["after"] == seen["before"]


def test_a_job_submitted_inside_belongs_to_the_user(native: Child) -> None:
    submitted = f"{PROBES}:submitted_by"
    reply = native.call(
        submitted, ALICE, ALICE, [ALICE, HPC], job(partition="restricted", begin_time=2**31)
    )
    (record,) = native.call("load_job", reply["job_id"])
    assert (record["user_id"], record["group_id"]) == (ALICE, ALICE)


def test_slurmctld_judges_the_users_own_rights(native: Child) -> None:
    submitted = f"{PROBES}:submitted_by"
    with pytest.raises(Raised) as other_user:
        native.call(submitted, USER, GROUP, [GROUP], job_of(ALICE, ALICE))
    assert other_user.value.attributes["code"] == 2010  # ESLURM_USER_ID_MISSING
    with pytest.raises(Raised) as root_only:
        native.call(submitted, USER, GROUP, [GROUP], job(partition="rootonly"))
    assert root_only.value.attributes["code"] == 2002  # ESLURM_ACCESS_DENIED


def test_a_user_cannot_kill_another_users_job(native: Child) -> None:
    job_id = native.call("submit_batch_job", held())["job_id"]
    with pytest.raises(Raised) as refused:
        native.call(f"{PROBES}:killed_by", ALICE, ALICE, job_id)
    assert refused.value.attributes["code"] == 2002  # ESLURM_ACCESS_DENIED
    native.call(f"{PROBES}:killed_by", USER, GROUP, job_id)
    assert native.call("load_job", job_id, members=["job_state"]) == [{"job_state": 4}]


@as_root
def test_without_the_privilege_the_thread_stays_as_it_was() -> None:
    with Child() as child:
        seen = child.call(f"{PROBES}:refused", ALICE, ALICE, [ALICE])
    assert seen["raised"] == [
        "PermissionError",
        f"[Errno 1] cannot act as uid {ALICE}, gid {ALICE}: Operation not permitted",
    ]
    assert seen["left"] == [USER, GROUP, [GROUP]]


@as_root
def test_what_was_taken_before_a_refusal_is_given_back() -> None:
    with Child() as child:
        before = child.call(f"{PROBES}:here")
        seen = child.call(f"{PROBES}:half_refused", ALICE, ALICE, [ALICE, HPC])
    assert seen["raised"][0] == "PermissionError"
    assert seen["left"] == before


@as_root
def test_a_users_process_may_act_as_itself() -> None:
    with Child() as child:
        assert child.call(f"{PROBES}:refused", USER, GROUP, [GROUP])["raised"] is None


@as_root
def test_a_thread_that_cannot_come_back_ends_the_process() -> None:
    with Child() as child:
        with pytest.raises(Died) as died:
            child.call(f"{PROBES}:never_back", ALICE, ALICE)
        assert died.value.status == -signal.SIGABRT
        assert "credentials could not be restored" in died.value.stderr


@as_root
def test_an_identity_is_not_entered_twice_at_a_time(offline: Child) -> None:
    with pytest.raises(Raised, match="RuntimeError"):
        offline.call(f"{PROBES}:twice", ALICE, ALICE)
    assert offline.call(f"{PROBES}:here")[0] == 0


@pytest.mark.parametrize(("uid", "gid"), [(2**32 - 1, ALICE), (ALICE, 2**32 - 1)])
def test_the_id_that_means_none_is_refused(offline: Child, uid: int, gid: int) -> None:
    with pytest.raises(Raised, match="ValueError"):
        offline.call("acting_as", uid, gid, [])
