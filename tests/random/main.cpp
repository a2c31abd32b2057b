#include <unistd.h>

// What <unistd.h> includes tells the C library.
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

#include "generate.hpp"
#include "print.hpp"
#include "shrink.hpp"
#include "spoil.hpp"
#include "verdict.hpp"

/// Random programs against the oracle: plans them with the library's planner, interprets the plans'
/// tables, and compares values, gradients and steps with the oracle. A program that differs is made
/// as small as it can be and printed as C++.

namespace {

using namespace random_programs;

struct options {
    unsigned long long seed = 1;
    unsigned long long count = 0;  // 0: for as long as there are seconds
    double seconds = 10;
    bool one = false;  // the seed's program alone, printed
    int spoiled = 10;  // of 100 programs, how many are spoiled
};

constexpr const char* usage =
    "random_programs [--seed N] [--count N | --seconds S] [--spoiled PERCENT]\n"
    "    tries the programs of seed N and after\n"
    "random_programs --one N [--spoiled PERCENT]\n"
    "    tries and prints the program of seed N alone\n";

volatile unsigned long long current = 0;

/// A crash of the planner is a fault as any other; the seed is what is known of it.
extern "C" void crashed(int signal) {
    char text[128];
    const int length =
        std::snprintf(text, sizeof text, "\nseed %llu ends with signal %d; --one %llu shows it\n",
                      current, signal, current);
    if (write(2, text, static_cast<std::size_t>(length)) < 0) _exit(3);
    _exit(2);
}

program program_of(unsigned long long seed, const options& wanted) {
    program made = generator(seed).made;
    dice chance(seed + 77);
    if (chance.chance(wanted.spoiled)) spoil(made, chance);
    return made;
}

verdict tried(const program& written) {
    try {
        return judge(written);
    } catch (const std::length_error&) {
        return {outcome::refused, "larger than the generator's room", {}, {}, false};
    } catch (const std::exception& error) {
        return {outcome::differs, std::string("exception: ") + error.what(), {}, {}, false};
    }
}

program smallest(const program& from, const verdict& of) {
    return shrinker(from,
                    [&](const program& candidate) {
                        const verdict other = tried(candidate);
                        return other.result == outcome::differs && other.reason == of.reason;
                    })
        .result();
}

void print_difference(unsigned long long seed, const program& written, const verdict& of) {
    const program small = smallest(written, of);
    std::printf("\nseed %llu differs: %s: %s\nthe smallest such program: %s\n\n%s\n", seed,
                of.reason.c_str(), of.details.c_str(), tried(small).details.c_str(),
                as_source(small).c_str());
    std::fflush(stdout);
}

struct report {
    unsigned long long programs = 0;
    unsigned long long agree = 0;
    unsigned long long stepped = 0;
    unsigned long long not_finite = 0;
    std::map<std::string, int> refusals{};
    std::map<std::string, std::vector<unsigned long long>> differences{};
    std::map<std::string, int> covered{};

    void add(unsigned long long seed, const verdict& of) {
        ++programs;
        agree += of.result == outcome::agrees;
        stepped += of.result == outcome::agrees && of.stepped;
        not_finite += of.result == outcome::not_finite;
        if (of.result == outcome::refused) ++refusals[of.reason];
        if (of.result == outcome::differs) differences[of.reason].push_back(seed);
        for (const std::string& word : of.covered) ++covered[word];
    }

    void print(const options& wanted, double seconds) const {
        std::printf("\n%-50s %s\n", "refused with", "programs");
        for (const auto& [reason, count] : refusals)
            std::printf("  %-70s %8d\n", reason.c_str(), count);
        std::printf("covered by programs that agree or differ\n");
        for (const auto& [word, count] : covered) std::printf("  %-70s %8d\n", word.c_str(), count);
        std::size_t different = 0;
        for (const auto& [reason, seeds] : differences) {
            std::printf("differs: %s: seeds", reason.c_str());
            for (std::size_t at = 0; at < seeds.size() && at < 12; ++at)
                std::printf(" %llu", seeds[at]);
            std::printf(" (%zu)\n", seeds.size());
            different += seeds.size();
        }
        int refused = 0;
        for (const auto& [reason, count] : refusals) refused += count;
        std::printf(
            "\n%llu random programs from seed %llu in %.0f s: %llu agree with the oracle in values "
            "and gradients, %llu of them step by step, too; %d are refused, %llu are not finite, "
            "%zu differ\n",
            programs, wanted.seed, seconds, agree, stepped, refused, not_finite, different);
    }
};

int run(const options& wanted) {
    using clock = std::chrono::steady_clock;
    const auto start = clock::now();
    const auto seconds = [&] {
        return std::chrono::duration<double>(clock::now() - start).count();
    };
    report all;
    double said = 0;
    for (unsigned long long seed = wanted.seed;; ++seed) {
        if (wanted.count > 0 ? all.programs == wanted.count : seconds() > wanted.seconds) break;
        current = seed;
        const program written = program_of(seed, wanted);
        const verdict of = tried(written);
        const bool is_new = of.result == outcome::differs && !all.differences.count(of.reason);
        all.add(seed, of);
        if (is_new) print_difference(seed, written, of);
        if (seconds() > said + 30) {
            said = seconds();
            std::printf("%6.0f s: %llu programs, %llu agree\n", said, all.programs, all.agree);
            std::fflush(stdout);
        }
    }
    all.print(wanted, seconds());
    return all.differences.empty() && all.agree > 0 ? 0 : 1;
}

int show(const options& wanted) {
    current = wanted.seed;
    const program written = program_of(wanted.seed, wanted);
    std::printf("%s\n", as_source(written).c_str());
    std::fflush(stdout);
    const verdict of = tried(written);
    const char* results[] = {"agrees", "is refused", "is not finite", "differs"};
    std::printf("seed %llu %s %s %s\n", wanted.seed, results[static_cast<int>(of.result)],
                of.reason.c_str(), of.details.c_str());
    if (of.result != outcome::differs) return 0;
    print_difference(wanted.seed, written, of);
    return 1;
}

}  // namespace

int main(int count, char** arguments) {
#ifdef __GLIBC__
    // Plans take megabytes: to get them from the system for each program takes most of the time.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 26);
#endif
    options wanted;
    for (int at = 1; at + 1 < count; at += 2) {
        const std::string name = arguments[at];
        const char* value = arguments[at + 1];
        if (name == "--seed" || name == "--one") wanted.seed = std::strtoull(value, nullptr, 10);
        if (name == "--one") wanted.one = true;
        if (name == "--count") wanted.count = std::strtoull(value, nullptr, 10);
        if (name == "--seconds") wanted.seconds = std::strtod(value, nullptr);
        if (name == "--spoiled") wanted.spoiled = std::atoi(value);
    }
    if (count % 2 == 0) {
        std::fputs(usage, stderr);
        return 2;
    }
    for (const int signal : {SIGSEGV, SIGFPE, SIGABRT, SIGBUS, SIGILL})
        std::signal(signal, crashed);
    return wanted.one ? show(wanted) : run(wanted);
}
