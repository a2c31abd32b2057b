#pragma once

#include <string>

/// What a debug build does about a mistake of the program: it prints a message and aborts.

#if !defined(NDEBUG) && (defined(__unix__) || defined(__APPLE__))
#define SEQUENT_TEST_STOPS

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

namespace sequent_test {

/// What f prints to stderr before it aborts, in a child of this process; empty if it does not.
template <class F>
std::string message_of(F f) {
    int ends[2];
    if (pipe(ends) != 0) return "";
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        f();
        _exit(0);
    }
    close(ends[1]);
    std::string message;
    char buffer[512];
    for (ssize_t count = 0; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
        message.append(buffer, static_cast<std::size_t>(count));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? message : "";
}

}  // namespace sequent_test
#endif
