# shellcheck shell=bash
# scripts/batch: the jobs with an llmtrain and a Slurm of ours, which do what is asked and write down what they are told.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/support.sh"

mkdir "$folder"/{bin,spool,submit}
: >"$folder/calls"
PATH=$folder/bin:$PATH
export folder
unset LLMTRAIN SLURM_CPUS_PER_TASK SLURM_RESTART_COUNT
# Slurm runs a copy of the script, from another folder, where the job was submitted.
cp "$source_root/scripts/batch/pretrain.sbatch" "$folder/spool/slurm_script"
cp "$source_root/scripts/batch/pretrain.sh" "$folder/bin/"
cd "$folder/submit"

write_program() {
  cat >"$folder/bin/$1"
  chmod +x "$folder/bin/$1"
}

# llmtrain: the Nth start does what the Nth line of $folder/starts says, and the last line goes for all later ones.
#   exit CODE [STEP]   has a checkpoint of STEP, ends with CODE
#   wait CODE [STEP]   writes down each signal; half a second after the first it ends so
#   deaf               is killed by the first signal, as a program that has not begun to listen
write_program llmtrain <<'P'
#!/usr/bin/env bash
if [[ $1 == config ]]; then
  echo "llmtrain $*" >>"$folder/shown"
  printf 'run:\n  name: r\n  dir: "runs of mine"\nrlhf:\n  name: no\n'
  exit
fi
echo "llmtrain $*" >>"$folder/calls"
n=$(grep -c '^llmtrain' "$folder/calls")
read -r what code step < <(sed -n "${n}p;\$p" "$folder/starts")
echo "llmtrain: start $n says: $what"
leave() {
  [[ ! $step ]] || mkdir -p "runs of mine/r/pretrain/checkpoints/step-$step"
  exit "$code"
}
case $what in
  exit) leave ;;
  wait)
    got() { echo "got $1" >>"$folder/calls"; asked=1; }
    for signal in USR1 TERM INT; do trap "got $signal" $signal; done
    touch "$folder/listens"
    while [[ ! $asked ]]; do sleep 0.05; done
    for ((i = 0; i < 10; ++i)); do sleep 0.05; done
    leave
    ;;
  deaf)
    touch "$folder/listens"
    exec sleep 20
    ;;
esac
P
write_program srun <<'P'
#!/usr/bin/env bash
while [[ $1 == -* ]]; do options+=" $1"; shift; done
echo "srun$options" >>"$folder/calls"
echo $$ >"$folder/step"
exec "$@"
P
write_program scontrol <<'P'
#!/usr/bin/env bash
if [[ $1 == show ]]; then
  echo "JobId=$3 JobState=COMPLETING PreemptTime=${FAKE_PREEMPT_TIME:-None}"
  exit
fi
echo "scontrol $*" >>"$folder/calls"
[[ ! ${FAKE_REFUSAL:-} ]] || { echo "$FAKE_REFUSAL" >&2; exit 1; }
P
# slurm_job [NAME=VALUE...]: the script as slurmd runs it, from here.
write_program slurm_job <<'P'
#!/usr/bin/env bash
exec env SLURM_JOB_ID=4711 SLURM_SUBMIT_DIR="$PWD" "$@" bash "$folder/spool/slurm_script" p.yaml --set pretrain.steps=9
P

starts() { printf '%s\n' "$@" >"$folder/starts"; }
calls() { grep -v '^srun' "$folder/calls" || true; }

# Starts a job beside the test, and waits until the program listens. Then its pid is $job.
start_job() {
  "$@" >"$folder/said" 2>&1 &
  job=$!
  wait_for_file "$folder/listens"
}
wait_for_file() {
  local i
  for ((i = 0; i < 400; ++i)); do
    [[ ! -e $1 ]] || return 0
    sleep 0.05
  done
  output=$(cat "$folder/said") broken "no ${1##*/} after 20 s"
}
# Sets code and output, as run does.
end_job() {
  code=0
  wait "$job" || code=$?
  # shellcheck disable=SC2034 # for support.sh
  output=$(cat "$folder/said")
}
signal_job() { kill -s "$1" "$job"; }

test_slurm_requeues_a_job_that_was_stopped() {
  starts 'exit 75 3'
  run slurm_job
  expect_code 75
  expect_equal "$(calls)" $'llmtrain pretrain p.yaml --set pretrain.steps=9\nscontrol requeue 4711'
  expect_said 'stopped, and requeued'
}

test_slurm_leaves_a_job_that_is_done() {
  starts 'exit 0'
  run slurm_job
  expect_code 0
  expect_equal "$(calls)" 'llmtrain pretrain p.yaml --set pretrain.steps=9'
}

test_slurm_ends_with_any_other_code_and_says_what_it_means() {
  starts 'exit 6'
  slurm_job >"$folder/submit/pretrain-4711.log" 2>&1 && code=0 || code=$?
  output=$(cat "$folder/submit/pretrain-4711.log")
  expect_code 6
  expect_equal "$(calls)" 'llmtrain pretrain p.yaml --set pretrain.steps=9'
  expect_said "ended with 6: a checkpoint does not fit this run, or none is whole; the log is $folder/submit/pretrain-4711.log"
}

test_slurm_says_when_the_job_is_not_taken_back() {
  starts 'exit 75'
  run slurm_job FAKE_REFUSAL='Requested operation is presently disabled'
  expect_code 75
  expect_said 'Requested operation is presently disabled'
  expect_said 'Slurm did not take job 4711 back'
}

test_slurm_gives_the_step_the_processors_of_the_job() {
  starts 'exit 0'
  run slurm_job SLURM_CPUS_PER_TASK=12
  expect_equal "$(grep '^srun' "$folder/calls")" 'srun --ntasks=1 --cpus-per-task=12'
}

test_slurm_forwards_the_warning_once_and_requeues() {
  starts 'wait 75 4'
  start_job slurm_job
  signal_job USR1
  sleep 0.2
  signal_job USR1
  end_job
  expect_code 75
  expect_equal "$(calls)" $'llmtrain pretrain p.yaml --set pretrain.steps=9\ngot USR1\nscontrol requeue 4711'
}

# As scancel, or a time limit that is over before the save is: Slurm tells the script and the step.
test_slurm_sigterm_reaches_the_program_once_and_a_cancelled_job_stays_so() {
  starts 'wait 75 4'
  start_job slurm_job
  signal_job TERM
  kill -TERM "$(cat "$folder/step")"
  sleep 0.2
  kill -TERM "$(cat "$folder/step")"
  end_job
  expect_code 75
  expect_equal "$(calls)" $'llmtrain pretrain p.yaml --set pretrain.steps=9\ngot TERM'
  expect_said 'and not requeued'
}

test_slurm_requeues_a_job_that_was_preempted() {
  starts 'wait 75 4'
  start_job slurm_job FAKE_PREEMPT_TIME=2026-11-25T10:00:00
  signal_job TERM
  kill -TERM "$(cat "$folder/step")"
  end_job
  expect_code 75
  expect_equal "$(calls)" $'llmtrain pretrain p.yaml --set pretrain.steps=9\ngot TERM\nscontrol requeue 4711'
}

# With a GraceTime the step alone is told first.
test_slurm_requeues_when_the_step_alone_is_told_to_stop() {
  starts 'wait 75 4'
  start_job slurm_job
  kill -TERM "$(cat "$folder/step")"
  end_job
  expect_code 75
  expect_equal "$(calls)" $'llmtrain pretrain p.yaml --set pretrain.steps=9\ngot TERM\nscontrol requeue 4711'
}

test_slurm_appends_to_one_log_and_is_warned_in_its_shell() {
  local line
  for line in --signal=B:USR1@120 --requeue --open-mode=append --output=%x-%j.log; do
    grep -qx "#SBATCH $line" "$folder/spool/slurm_script" || broken "no #SBATCH $line"
  done
  # What stands behind the first command is no option any more.
  expect_equal "$(sed '/^[^#]/,$d' "$folder/spool/slurm_script" | grep -c '^#SBATCH')" \
    "$(grep -c '^#SBATCH' "$folder/spool/slurm_script")"
}

test_slurm_refuses_to_run_outside_a_job() {
  run env -u SLURM_JOB_ID bash "$folder/spool/slurm_script" p.yaml
  expect_code 2
  expect_said 'not in a Slurm job'
}

test_plain_runs_again_until_done() {
  starts 'exit 75 3' 'exit 75 7' 'exit 0'
  run pretrain.sh p.yaml --set pretrain.steps=9 --quiet
  expect_code 0
  expect_equal "$(calls | sort | uniq -c | xargs)" '3 llmtrain pretrain p.yaml --set pretrain.steps=9 --quiet'
  expect_equal "$(head -n 1 "$folder/shown")" 'llmtrain config show p.yaml --set pretrain.steps=9'
  expect_equal "$output" ''
  expect_equal "$(grep -c '^llmtrain: start' p.log)" 3
}

test_plain_stops_where_a_run_takes_no_step() {
  starts 'exit 75 3' 'exit 75 3' 'exit 0'
  run pretrain.sh --log mine.log p.yaml
  expect_code 75
  expect_equal "$(calls | grep -c llmtrain)" 2
  expect_said 'took no step since its start; the log is mine.log'
}

test_plain_goes_on_from_the_steps_of_a_job_before() {
  mkdir -p 'runs of mine/r/pretrain/checkpoints'/{step-20,step-9,step-30.tmp-17}
  starts 'exit 75 20' 'exit 0'
  run pretrain.sh p.yaml
  expect_code 75
  grep -q 'from step 20 on' p.log || broken "$(cat p.log)"
}

test_plain_ends_with_any_other_code_and_says_what_it_means() {
  starts 'exit 75 3' 'exit 6'
  run pretrain.sh p.yaml
  expect_code 6
  expect_equal "$output" \
    'pretrain.sh: error: llmtrain ended with 6: a checkpoint does not fit this run, or none is whole; the log is p.log'
  expect_equal "$(tail -n 1 p.log)" "$output"
}

test_plain_appends_to_its_log() {
  starts 'exit 4' 'exit 0'
  run pretrain.sh p.yaml
  run pretrain.sh p.yaml
  expect_code 0
  expect_equal "$(grep -c 'ended with 4' p.log)" 1
  expect_equal "$(tail -n 1 p.log | sed 's/.*] //')" 'done'
}

test_plain_takes_a_signal_on_once_and_does_not_start_again() {
  local signal
  for signal in TERM USR1 INT; do
    : >"$folder/calls"
    rm -rf "$folder/listens" runs*
    starts 'wait 75 4' 'exit 0'
    start_job env --default-signal=INT pretrain.sh p.yaml
    signal_job "$signal"
    sleep 0.2
    signal_job TERM
    end_job
    expect_code 75
    expect_equal "$(calls)" "llmtrain pretrain p.yaml"$'\n'"got $signal"
  done
}

# As timeout, and schedulers, do it.
test_plain_lets_a_signal_to_its_process_group_through_once() {
  starts 'wait 75 4'
  start_job setsid pretrain.sh p.yaml
  kill -TERM -- "-$(pgrep -f "^[^ ]*bash $folder/bin/pretrain.sh" | head -n 1)"
  end_job
  expect_code 75
  expect_equal "$(calls)" $'llmtrain pretrain p.yaml\ngot TERM'
}

test_plain_asks_for_a_stop_when_its_time_is_over() {
  starts 'wait 75 4' 'exit 0'
  run pretrain.sh --for 1 p.yaml
  expect_code 75
  expect_equal "$(calls)" $'llmtrain pretrain p.yaml\ngot USR1'
  grep -q 'stopped on SIGUSR1' p.log || broken "$(cat p.log)"
}

test_plain_leaves_nothing_behind_when_it_ends_before_its_time() {
  starts 'exit 0'
  run pretrain.sh --for 3571 p.yaml
  expect_code 0
  sleep 0.2
  ! pgrep -f '^sleep 3571$' >/dev/null || broken "$(pgrep -af 'sleep 3571')"
}

test_plain_counts_a_program_killed_before_it_listens_as_stopped() {
  starts deaf
  start_job pretrain.sh p.yaml
  signal_job TERM
  end_job
  expect_code 75
}

test_plain_refuses_a_pipeline_file_that_cannot_be_used() {
  printf '#!/bin/sh\necho "llmtrain: error: p.yaml:1:1: no" >&2\nexit 2\n' | write_program llmtrain
  run pretrain.sh p.yaml
  expect_code 2
  expect_said 'p.yaml:1:1: no'
  [[ ! -e p.log ]] || broken "there is a log"
}

test_plain_refuses_a_wrong_command_line() {
  run pretrain.sh
  expect_code 2
  expect_said 'expected a pipeline file'
  run pretrain.sh --for 3x p.yaml
  expect_code 2
  expect_said "expected a time as 45m or 8h, got '3x'"
}

# Where the program is, by a program there that says so: $folder/A/build/release/llmtrain.
built_in() {
  mkdir -p "$folder/$1/build/release"
  printf '#!/bin/sh\necho "%s"\n' "$1" >"$folder/$1/build/release/llmtrain"
  chmod +x "$folder/$1/build/release/llmtrain"
}

test_takes_the_program_that_is_named_then_one_built_above_then_one_on_the_path() {
  starts 'exit 0'
  run slurm_job
  expect_said 'llmtrain: start 1'
  built_in submit
  mkdir -p deeper/down
  cd deeper/down
  run slurm_job
  expect_said submit
  built_in named
  run slurm_job LLMTRAIN="$folder/named/build/release/llmtrain"
  expect_said named
  run slurm_job LLMTRAIN="$folder/none"
  expect_code 2
  expect_said "LLMTRAIN: $folder/none: not a program"
}

test_plain_takes_the_program_of_its_checkout() {
  built_in checkout
  mkdir -p "$folder/checkout/scripts/batch"
  mv "$folder/bin/pretrain.sh" "$folder/checkout/scripts/batch/"
  ln -s "$folder/checkout/scripts/batch/pretrain.sh" "$folder/bin/link.sh"
  run link.sh p.yaml
  grep -qx checkout p.log || broken "$(cat p.log)"
}

test_names_the_program_that_is_missing() {
  rm "$folder/bin/llmtrain"
  local tools=$folder/tools tool
  mkdir "$tools"
  for tool in bash env dirname readlink basename; do ln -s "$(type -P $tool)" "$tools/"; done
  run env PATH="$tools:$folder/bin" pretrain.sh p.yaml
  expect_code 2
  expect_said 'llmtrain: not built in'
}

test_both_jobs_share_what_they_have_in_common() {
  local common='/^# --- as in/,/^# --- the job/{//!p}'
  expect_equal "$(sed -n "$common" "$source_root/scripts/batch/pretrain.sh")" \
    "$(sed -n "$common" "$source_root/scripts/batch/pretrain.sbatch")"
}

run_named_test "$1"
