#include <sequent/plan.hpp>

/// A program of 66 mixed rules: six layers, written out, whose masks and scores differ. It is here
/// to be compiled: the plan of all of them is one constant expression.

namespace {

namespace sixty_six {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h", 4> h;
inline constexpr relation<"token"> token;
inline constexpr relation<"x0"> x0;
inline constexpr relation<"q0"> q0;
inline constexpr relation<"k0"> k0;
inline constexpr relation<"v0"> v0;
inline constexpr relation<"logit0"> logit0;
inline constexpr relation<"score0"> score0;
inline constexpr relation<"head0"> head0;
inline constexpr relation<"joined0"> joined0;
inline constexpr relation<"mixed0"> mixed0;
inline constexpr relation<"mlp0"> mlp0;
inline constexpr relation<"y0"> y0;
inline constexpr weight<"Q0", 16, 64> Q0;
inline constexpr weight<"K0", 16, 64> K0;
inline constexpr weight<"V0", 16, 64> V0;
inline constexpr weight<"O0", 64, 64> O0;
inline constexpr weight<"U0", 256, 64> U0;
inline constexpr weight<"D0", 64, 256> D0;
inline constexpr weight<"gain0", 64> gain0;
inline constexpr weight<"bias0", 64> bias0;
inline constexpr weight<"R0"> R0;
inline constexpr relation<"q1"> q1;
inline constexpr relation<"k1"> k1;
inline constexpr relation<"v1"> v1;
inline constexpr relation<"logit1"> logit1;
inline constexpr relation<"score1"> score1;
inline constexpr relation<"head1"> head1;
inline constexpr relation<"joined1"> joined1;
inline constexpr relation<"mixed1"> mixed1;
inline constexpr relation<"mlp1"> mlp1;
inline constexpr relation<"y1"> y1;
inline constexpr weight<"Q1", 16, 64> Q1;
inline constexpr weight<"K1", 16, 64> K1;
inline constexpr weight<"V1", 16, 64> V1;
inline constexpr weight<"O1", 64, 64> O1;
inline constexpr weight<"U1", 256, 64> U1;
inline constexpr weight<"D1", 64, 256> D1;
inline constexpr weight<"gain1", 64> gain1;
inline constexpr weight<"bias1", 64> bias1;
inline constexpr weight<"R1"> R1;
inline constexpr relation<"q2"> q2;
inline constexpr relation<"k2"> k2;
inline constexpr relation<"v2"> v2;
inline constexpr relation<"logit2"> logit2;
inline constexpr relation<"score2"> score2;
inline constexpr relation<"head2"> head2;
inline constexpr relation<"joined2"> joined2;
inline constexpr relation<"mixed2"> mixed2;
inline constexpr relation<"mlp2"> mlp2;
inline constexpr relation<"y2"> y2;
inline constexpr weight<"Q2", 16, 64> Q2;
inline constexpr weight<"K2", 16, 64> K2;
inline constexpr weight<"V2", 16, 64> V2;
inline constexpr weight<"O2", 64, 64> O2;
inline constexpr weight<"U2", 256, 64> U2;
inline constexpr weight<"D2", 64, 256> D2;
inline constexpr weight<"gain2", 64> gain2;
inline constexpr weight<"bias2", 64> bias2;
inline constexpr weight<"R2"> R2;
inline constexpr relation<"q3"> q3;
inline constexpr relation<"k3"> k3;
inline constexpr relation<"v3"> v3;
inline constexpr relation<"logit3"> logit3;
inline constexpr relation<"score3"> score3;
inline constexpr relation<"head3"> head3;
inline constexpr relation<"joined3"> joined3;
inline constexpr relation<"mixed3"> mixed3;
inline constexpr relation<"mlp3"> mlp3;
inline constexpr relation<"y3"> y3;
inline constexpr weight<"Q3", 16, 64> Q3;
inline constexpr weight<"K3", 16, 64> K3;
inline constexpr weight<"V3", 16, 64> V3;
inline constexpr weight<"O3", 64, 64> O3;
inline constexpr weight<"U3", 256, 64> U3;
inline constexpr weight<"D3", 64, 256> D3;
inline constexpr weight<"gain3", 64> gain3;
inline constexpr weight<"bias3", 64> bias3;
inline constexpr weight<"R3"> R3;
inline constexpr relation<"q4"> q4;
inline constexpr relation<"k4"> k4;
inline constexpr relation<"v4"> v4;
inline constexpr relation<"logit4"> logit4;
inline constexpr relation<"score4"> score4;
inline constexpr relation<"head4"> head4;
inline constexpr relation<"joined4"> joined4;
inline constexpr relation<"mixed4"> mixed4;
inline constexpr relation<"mlp4"> mlp4;
inline constexpr relation<"y4"> y4;
inline constexpr weight<"Q4", 16, 64> Q4;
inline constexpr weight<"K4", 16, 64> K4;
inline constexpr weight<"V4", 16, 64> V4;
inline constexpr weight<"O4", 64, 64> O4;
inline constexpr weight<"U4", 256, 64> U4;
inline constexpr weight<"D4", 64, 256> D4;
inline constexpr weight<"gain4", 64> gain4;
inline constexpr weight<"bias4", 64> bias4;
inline constexpr weight<"R4"> R4;
inline constexpr relation<"q5"> q5;
inline constexpr relation<"k5"> k5;
inline constexpr relation<"v5"> v5;
inline constexpr relation<"logit5"> logit5;
inline constexpr relation<"score5"> score5;
inline constexpr relation<"head5"> head5;
inline constexpr relation<"joined5"> joined5;
inline constexpr relation<"mixed5"> mixed5;
inline constexpr relation<"mlp5"> mlp5;
inline constexpr relation<"y5"> y5;
inline constexpr weight<"Q5", 16, 64> Q5;
inline constexpr weight<"K5", 16, 64> K5;
inline constexpr weight<"V5", 16, 64> V5;
inline constexpr weight<"O5", 64, 64> O5;
inline constexpr weight<"U5", 256, 64> U5;
inline constexpr weight<"D5", 64, 256> D5;
inline constexpr weight<"gain5", 64> gain5;
inline constexpr weight<"bias5", 64> bias5;
inline constexpr weight<"E", 65, 64> E;

inline constexpr auto program = rules(
    x0(i) <<= token(i)[E], q0(h, i) <<= x0(i)[Q0(h)], k0(h, i) <<= x0(i)[K0(h)],
    v0(h, i) <<= x0(i)[V0(h)],
    logit0(h, i, j) <<= (inverse_sqrt(16), k0(h, j).T(), q0(h, i), j <= i) | product(),
    logit0(h, i, j) <<= (R0(h, i, j), j <= i), score0(h, i, j) <<= logit0(h, i, j) | softmax(j),
    head0(h, i) <<= (score0(h, i, j), v0(h, j)) | product() | sum(j),
    joined0(i) <<= head0(h, i) | concat(h),
    mixed0(i) <<= (joined0(i)[O0], x0(i)) | layer_norm(gain0, bias0),
    mlp0(i)[D0] <<= mixed0(i)[U0] | gelu(), y0(i) <<= (mlp0(i), mixed0(i)) | norm(),
    q1(h, i) <<= y0(i)[Q1(h)], k1(h, i) <<= y0(i)[K1(h)], v1(h, i) <<= y0(i)[V1(h)],
    logit1(h, i, j) <<=
    (inverse_sqrt(16), k1(h, j).T(), q1(h, i), j <= i, i - j < 8) | product() | soft_cap(30),
    logit1(h, i, j) <<= (R1(h, i, j), j <= i, i - j < 8),
    score1(h, i, j) <<= logit1(h, i, j) | softmax(j),
    head1(h, i) <<= (score1(h, i, j), v1(h, j)) | product() | sum(j),
    joined1(i) <<= head1(h, i) | concat(h),
    mixed1(i) <<= (joined1(i)[O1], y0(i)) | layer_norm(gain1, bias1),
    mlp1(i)[D1] <<= mixed1(i)[U1] | relu(), y1(i) <<= (mlp1(i), mixed1(i)) | norm(),
    q2(h, i) <<= y1(i)[Q2(h)], k2(h, i) <<= y1(i)[K2(h)], v2(h, i) <<= y1(i)[V2(h)],
    logit2(h, i, j) <<=
    (inverse_sqrt(16), k2(h, j).T(), q2(h, i), j <= i, (i - j) % 4 == 0) | product(),
    logit2(h, i, j) <<= (R2(h, i, j), j <= i, (i - j) % 4 == 0),
    score2(h, i, j) <<= logit2(h, i, j) | softmax(j),
    head2(h, i) <<= (score2(h, i, j), v2(h, j)) | product() | sum(j),
    joined2(i) <<= head2(h, i) | concat(h),
    mixed2(i) <<= (joined2(i)[O2], y1(i)) | layer_norm(gain2, bias2),
    mlp2(i)[D2] <<= mixed2(i)[U2] | silu(), y2(i) <<= (mlp2(i), mixed2(i)) | norm(),
    q3(h, i) <<= y2(i)[Q3(h)], k3(h, i) <<= y2(i)[K3(h)], v3(h, i) <<= y2(i)[V3(h)],
    logit3(h, i, j) <<=
    (inverse_sqrt(16), k3(h, j).T(), q3(h, i), j < 4 || j <= i) | product() | soft_cap(30),
    logit3(h, i, j) <<= (R3(h, i, j), j < 4 || j <= i),
    score3(h, i, j) <<= logit3(h, i, j) | softmax(j),
    head3(h, i) <<= (score3(h, i, j), v3(h, j)) | product() | sum(j),
    joined3(i) <<= head3(h, i) | concat(h),
    mixed3(i) <<= (joined3(i)[O3], y2(i)) | layer_norm(gain3, bias3),
    mlp3(i)[D3] <<= mixed3(i)[U3] | gelu(), y3(i) <<= (mlp3(i), mixed3(i)) | norm(),
    q4(h, i) <<= y3(i)[Q4(h)], k4(h, i) <<= y3(i)[K4(h)], v4(h, i) <<= y3(i)[V4(h)],
    logit4(h, i, j) <<= (inverse_sqrt(16), k4(h, j).T(), q4(h, i), i / 8 == j / 8) | product(),
    logit4(h, i, j) <<= (R4(h, i, j), i / 8 == j / 8),
    score4(h, i, j) <<= logit4(h, i, j) | softmax(j),
    head4(h, i) <<= (score4(h, i, j), v4(h, j)) | product() | sum(j),
    joined4(i) <<= head4(h, i) | concat(h),
    mixed4(i) <<= (joined4(i)[O4], y3(i)) | layer_norm(gain4, bias4),
    mlp4(i)[D4] <<= mixed4(i)[U4] | relu(), y4(i) <<= (mlp4(i), mixed4(i)) | norm(),
    q5(h, i) <<= y4(i)[Q5(h)], k5(h, i) <<= y4(i)[K5(h)], v5(h, i) <<= y4(i)[V5(h)],
    logit5(h, i, j) <<=
    (inverse_sqrt(16), k5(h, j).T(), q5(h, i), abs(i - j) < 5) | product() | soft_cap(30),
    score5(h, i, j) <<= logit5(h, i, j) | softmax(j),
    head5(h, i) <<= (score5(h, i, j), v5(h, j)) | product() | sum(j),
    joined5(i) <<= head5(h, i) | concat(h),
    mixed5(i) <<= (joined5(i)[O5], y4(i)) | layer_norm(gain5, bias5),
    mlp5(i)[D5] <<= mixed5(i)[U5] | silu(), y5(i) <<= (mlp5(i), mixed5(i)) | norm());
}  // namespace sixty_six

using sequent::language::fact;
using sequent::language::symbol;
using plan = sequent::plan::plan_of<sixty_six::program, fact<"token", 64, symbol<65>>>;
static_assert(plan::ok);
static_assert(plan::tables.attentions.size() == 6);
static_assert(plan::tables.generals.size() == 0);

}  // namespace
